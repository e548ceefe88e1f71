// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/tasks/pattern.h"

namespace tandem::tasks {

/// What a file of a task is for.
enum class FileRole { kTrain, kDev, kTestPublic, kTest, kUnlabeled };

/// Tells whether each line of such a file has an answer.
constexpr bool has_answers(FileRole role) { return role <= FileRole::kTestPublic; }
/// Tells whether such a file is there to be scored on, and so never to be learned from.
constexpr bool is_test(FileRole role) { return role == FileRole::kTestPublic || role == FileRole::kTest; }

/// A file of a task.
struct TaskFile {
  std::string name;  ///< "train_0", "dev_few_all", "test_public", …
  FileRole role = FileRole::kTrain;
  std::string file;  ///< its name in the task's folder
};

/// Returns the split that a file to train on or to choose by belongs to: of train_few_all "few_all", of train
/// "".
std::string split_of(const TaskFile& file);

/// The words that answer a sample, one for each gap.
using Words = std::vector<std::string>;

/// A pattern and how its answers are written.
struct TaskPattern {
  std::string name;
  Pattern pattern;
  std::vector<Words> words;  ///< of each label, no two alike; empty where each line has its own candidates
};

/// Each line brings its own answers.
struct Candidates {
  std::string path;  ///< a list of texts; the label is the number of one
  size_t count = 0;
};

/// How results are scored.
enum class Metric { kAccuracy };
std::string_view name_of(Metric metric);

/// How a value is written in JSON.
enum class ValueType { kInteger, kText };
std::string_view name_of(ValueType type);

/// How a task is answered without understanding: see floor.h.
enum class FloorKind { kCharacters, kOverlap };
struct Floor {
  FloorKind kind = FloorKind::kCharacters;
  std::vector<size_t> inputs;  ///< numbers of the inputs it looks at, one or more; of an overlap two
};

/// A result that others published, to be shown beside one's own. In percent.
struct PublishedResult {
  std::string method;
  double accuracy = 0;
  std::optional<double> spread;  ///< standard deviation over the splits
};

/// The form of the file that a benchmark takes: a line {"id": …, MEMBER: …} a sample.
struct Submission {
  std::string file;
  ValueType id = ValueType::kInteger;
  std::string member;
  ValueType type = ValueType::kText;
};

/// A task as its file defines it: see docs/formats.md, "Task files".
struct Task {
  std::string name;
  std::string summary;
  std::vector<TaskFile> files;        ///< by role, then by name
  std::vector<std::string> id;        ///< members that may hold a line's id
  std::vector<Input> inputs;          ///< by name
  std::string label;                  ///< the member with the answer
  std::vector<std::string> left_out;  ///< labels whose lines are passed over
  std::vector<std::string> labels;    ///< empty with candidates
  std::optional<Candidates> candidates;
  std::vector<TaskPattern> patterns;
  Metric metric = Metric::kAccuracy;
  std::optional<Floor> floor;              ///< none with candidates
  std::vector<PublishedResult> published;  ///< on test_public
  Submission submission;

  /// Returns how many answers a sample can have.
  size_t num_classes() const { return candidates ? candidates->count : labels.size(); }
  /// Returns what an answer is called: the label, or the number of the candidate. BugError for none.
  std::string class_name(size_t answer) const;
  /// Returns a file by its name. Throws InputError with the nearest name.
  const TaskFile& file(const std::string& file_name) const;
  /// Returns the file of texts without answers; null for a task without one.
  const TaskFile* unlabeled_file() const;
  /// Returns the training or dev file of a split. Throws InputError that lists the splits.
  const TaskFile& file_of_split(FileRole role, const std::string& split) const;
};

}  // namespace tandem::tasks
