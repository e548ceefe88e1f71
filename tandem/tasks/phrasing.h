// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tandem/data/sample.h"
#include "tandem/data/tokenizer.h"
#include "tandem/tasks/rows.h"
#include "tandem/tasks/task.h"

namespace tandem::tasks {

/// Token ids of one text.
using Ids = std::vector<int32_t>;

/// What may follow a source: of each label or candidate the ids of its words, in their order, no two alike.
/// Shared, as all samples of a task with labels have the same.
using Answers = std::shared_ptr<const std::vector<Ids>>;

/// How a task's samples are put to the model: by a pattern (PET: Schick and Schütze, arXiv 2001.07676), each
/// gap a sentinel as in pretraining, the answer `sentinel, words, sentinel, words, …, eos`; or plainly, the
/// texts alone and the label's name as the answer, `name, eos`. Every part of a source and every word is
/// tokenised alone, so that a word's ids do not depend on what stands around it. Immutable; thread-safe.
class Phrasing {
 public:
  /// The name of the phrasing without a pattern.
  static constexpr const char* kPlain = "plain";

  /// Takes one of the task's patterns; `lengths` count sentinels and eos. The task must outlive this. Throws
  /// InputError for a pattern with more gaps than the vocabulary has sentinels, a label whose words the
  /// tokenizer cannot write or whose answer is longer than lengths.target, and two labels with the same ids.
  Phrasing(const Task& task, const TaskPattern& pattern, data::Tokenizer tokenizer,
           data::SampleLengths lengths);

  /// The same without a pattern. Of a task with candidates these are the answers, the gap's mark stays in the
  /// text.
  static Phrasing plain(const Task& task, data::Tokenizer tokenizer, data::SampleLengths lengths);

  /// The pattern's name, or kPlain.
  const std::string& name() const { return name_; }

  /// Returns a row's source, at most lengths.source ids, eos at its end. Where it is too long the longest of
  /// the parts that may be cut loses tokens, one at a time. Throws InputError naming `file` and line where
  /// nothing would be left of these parts.
  Ids source(const Row& row, const std::string& file) const;

  /// Returns a row's source as a text, whole, a `_` for each gap.
  std::string sentence(const Row& row) const;

  /// Returns the source of a row whose inputs are all empty: what the answers' scores are compared with.
  Ids empty_source() const;

  /// Returns the answers of a row. Throws InputError naming `file` and line for candidates, as the
  /// constructor does for labels.
  Answers answers(const Row& row, const std::string& file) const;

 private:
  struct Plain {};
  Phrasing(Plain, const Task& task, data::Tokenizer tokenizer, data::SampleLengths lengths);

  std::vector<Part> parts_of(const std::vector<std::string>& values) const;
  Ids answer(const Words& words, const std::string& place) const;
  void set_answers(const std::vector<Words>& words);

  const Task& task_;
  const Pattern* pattern_ = nullptr;  // null: plain
  std::string name_;
  data::Tokenizer tokenizer_;
  data::SampleLengths lengths_;
  Answers label_answers_;  // null with candidates
};

/// Makes a phrasing by its name: a pattern of the task, or kPlain. Throws InputError with the nearest name
/// for an unknown one, and as the constructor does.
Phrasing phrasing_of(const Task& task, const std::string& name, const data::Tokenizer& tokenizer,
                     data::SampleLengths lengths);

}  // namespace tandem::tasks
