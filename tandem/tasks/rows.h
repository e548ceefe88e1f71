// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tandem/tasks/task.h"

namespace tandem::tasks {

/// One line of a task's file.
struct Row {
  int64_t line = 0;                     ///< counted from 1; with the file the only key there is
  std::string id;                       ///< as text, whether text or integer; "" where the line has none
  std::vector<std::string> values;      ///< of the task's inputs, in their order
  std::vector<std::string> candidates;  ///< empty where the task has labels
  std::optional<size_t> label;          ///< number of the label or candidate; of files without answers none

  /// Returns what makes two rows the same text: the values of all inputs, without white space around them.
  std::string text() const;
};

/// The lines of a file.
struct Rows {
  std::vector<Row> rows;
  int64_t left_out = 0;            ///< lines passed over for their label, as the task says
  int64_t deleted_characters = 0;  ///< U+FEFF and U+200B, which nobody sees, inside texts

  /// Returns the texts of all rows, each once.
  std::set<std::string> texts() const;
};

/// Reads a file of the task: JSON objects, a line each, lines cut at \n only (texts hold U+2028), a final \r
/// and a byte order mark left out, empty lines passed over. A label or id may be a text or an integer. Throws
/// InputError that names file and line for what is no such object, lacks an input, has an unknown label, an
/// empty text, a text without its gap or with two, or candidates that are not as many as they should be or
/// not all different; for a line of a test file without an id; and for a file without a line, unless it is
/// the unlabeled one.
Rows read_rows(const Task& task, FileRole role, const std::filesystem::path& path);

}  // namespace tandem::tasks
