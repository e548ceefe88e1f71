// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tandem::tasks {

/// How often each label was answered with each.
class Confusion {
 public:
  explicit Confusion(size_t num_classes) : counts_(num_classes, std::vector<int64_t>(num_classes, 0)) {}

  /// Counts a sample: both below the number of classes.
  void add(size_t label, size_t answer) { ++counts_.at(label).at(answer); }

  size_t num_classes() const { return counts_.size(); }
  int64_t count(size_t label, size_t answer) const { return counts_.at(label).at(answer); }
  int64_t samples() const;

  /// The share of right answers; like the next three 0 without samples.
  double accuracy() const;
  /// Returns the standard error of the accuracy, as of independent samples.
  double standard_error() const;
  /// Returns the mean F1 of the classes that are a label or an answer of some sample.
  double macro_f1() const;
  /// Returns the share of the commonest label.
  double majority() const;

 private:
  int64_t labelled(size_t label) const;
  int64_t answered(size_t answer) const;

  std::vector<std::vector<int64_t>> counts_;  // by label, then by answer
};

}  // namespace tandem::tasks
