// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace tandem::data {

/// The lines of a file, cut at \n only; a final \r of a line and a byte order mark at the start of the file
/// are left out.
class TextLines {
 public:
  /// Throws as `throw_unreadable` does.
  explicit TextLines(std::string path);
  /// Reads the next line; false at the end. Throws EnvironmentError if reading fails.
  bool next(std::string& line);
  /// Returns "FILE:LINE" of the line read last, for messages.
  std::string place() const;

 private:
  std::string path_;
  std::ifstream file_;
  uint64_t line_ = 0;
};

/// The documents of a text file: each non-empty line of FILE.txt, each {"text": …} of FILE.jsonl (or .json).
class DocumentReader {
 public:
  /// Throws as TextLines does, and InputError for a file of another name.
  explicit DocumentReader(const std::string& path);
  /// Reads the next document that is not empty; false at the end. Throws InputError naming file and line for
  /// a line that is not UTF-8 or no such object.
  bool next(std::string& text);

 private:
  TextLines lines_;
  bool json_lines_;
};

/// Parses one JSON line. Throws InputError that starts with `place`.
nlohmann::json parse_json_line(const std::string& line, const std::string& place);

/// Says whether bytes are well-formed UTF-8.
bool is_utf8(std::string_view bytes);

}  // namespace tandem::data
