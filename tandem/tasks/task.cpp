// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/task.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "tandem/base/error.h"
#include "tandem/base/nearest.h"

namespace tandem::tasks {

std::string_view name_of(Metric metric) {
  switch (metric) {
    case Metric::kAccuracy:
      return "accuracy";
  }
  return "?";
}

std::string_view name_of(ValueType type) { return type == ValueType::kInteger ? "integer" : "text"; }

std::string Task::class_name(size_t answer) const {
  TANDEM_CHECK(answer < num_classes(), "answer {} of {}", answer, num_classes());
  return candidates ? std::to_string(answer) : labels[answer];
}

const TaskFile& Task::file(const std::string& file_name) const {
  std::vector<std::string> names;
  for (const TaskFile& file : files) {
    if (file.name == file_name) return file;
    names.push_back(file.name);
  }
  throw InputError("the task {} has no file '{}'; the nearest is '{}'", name, file_name,
                   nearest_name(file_name, names));
}

std::string split_of(const TaskFile& file) {
  const size_t underscore = file.name.find('_');
  return underscore == std::string::npos ? "" : file.name.substr(underscore + 1);
}

const TaskFile* Task::unlabeled_file() const {
  const auto found = std::ranges::find(files, FileRole::kUnlabeled, &TaskFile::role);
  return found == files.end() ? nullptr : &*found;
}

const TaskFile& Task::file_of_split(FileRole role, const std::string& split) const {
  std::vector<std::string> splits;
  for (const TaskFile& file : files) {
    if (file.role != role) continue;
    if (split_of(file) == split) return file;
    splits.push_back(split_of(file));
  }
  throw InputError("the task {} has no split '{}'; it has: {}", name, split, fmt::join(splits, ", "));
}

}  // namespace tandem::tasks
