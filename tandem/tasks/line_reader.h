// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/tasks/rows.h"
#include "tandem/tasks/task.h"

namespace tandem::tasks {

/// Makes rows of a file's lines. The task must outlive it.
class LineReader {
 public:
  LineReader(const Task& task, FileRole role) : task_(task), role_(role) {}

  /// Returns what the object of a line holds, nothing for a line that the task leaves out; counts in `counts`
  /// such lines and the characters that were deleted. Throws InputError that begins with `place`, as
  /// read_rows says.
  std::optional<Row> read(const nlohmann::json& object, std::string place, Rows& counts);

 private:
  using json = nlohmann::json;

  [[noreturn]] void refuse(const std::string& problem) const;
  const json& member(const json& object, const std::string& path) const;
  std::string id(const json& object) const;
  std::string answer(const json& object) const;
  std::string text_in(const json& value, const std::string& path) const;
  std::string joined(const json& list, const Input& input) const;
  std::string marked(const json& object, const Input& input, std::string text) const;
  std::string value(const json& object, const Input& input, int64_t& deleted) const;
  std::vector<std::string> candidates(const json& object) const;
  size_t candidate_number(const std::string& text) const;
  size_t label_number(const std::string& label) const;

  const Task& task_;
  FileRole role_;
  std::string place_;
};

}  // namespace tandem::tasks
