// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tandem::train {

/// Held-out rows that make a micro-batch: fixed samples begin to end - 1, all of one name.
struct HeldOutRows {
  uint64_t begin = 0;
  uint64_t end = 0;
  size_t name = 0;

  friend bool operator==(const HeldOutRows&, const HeldOutRows&) = default;
};

/// A source of held-out data.
struct HeldOutSource {
  uint64_t rows = 0;
  size_t name = 0;
};

/// The micro-batches of an evaluation: all rows in file order, cut where the name changes and else after
/// `micro_batch` of them, so that a micro-batch's loss is that of one name. Immutable.
class EvaluationPlan {
 public:
  /// A plan without micro-batches.
  EvaluationPlan() = default;
  EvaluationPlan(const std::vector<HeldOutSource>& sources, uint64_t micro_batch);

  /// Returns the number of micro-batches.
  uint64_t size() const { return size_; }
  /// Returns the rows of a micro-batch, number < size().
  HeldOutRows operator[](uint64_t number) const;

 private:
  // Sources one behind another that have one name.
  struct Stretch {
    HeldOutRows rows;
    uint64_t first = 0;  // the number of its first micro-batch
  };

  std::vector<Stretch> stretches_;
  uint64_t micro_batch_ = 1;
  uint64_t size_ = 0;
};

}  // namespace tandem::train
