// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/text_lines.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unicode/utf8.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"

namespace tandem::data {

namespace {

constexpr size_t kMaxLineBytes = size_t{1} << 30;

}  // namespace

TextLines::TextLines(std::string path) : path_(std::move(path)) {
  file_.open(path_, std::ios::binary);
  if (!file_) throw_unreadable(path_, errno);
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored)) throw_unreadable(path_, EISDIR);
}

bool TextLines::next(std::string& line) {
  if (!std::getline(file_, line, '\n')) {
    if (file_.bad()) throw EnvironmentError("cannot read {}: {}", path_, std::strerror(errno));
    return false;
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (++line_ == 1 && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

std::string TextLines::place() const { return fmt::format("{}:{}", path_, line_); }

DocumentReader::DocumentReader(const std::string& path) : lines_(path) {
  const std::string ending = std::filesystem::path(path).extension();
  json_lines_ = ending == ".jsonl" || ending == ".json";
  if (!json_lines_ && ending != ".txt")
    throw InputError("{} is neither .txt (a document a line) nor .jsonl ({{\"text\": …}} a line); rename it",
                     path);
}

bool DocumentReader::next(std::string& text) {
  std::string line;
  while (lines_.next(line)) {
    if (line.empty()) continue;
    if (json_lines_) {
      const nlohmann::json object = parse_json_line(line, lines_.place());
      if (!object.is_object() || !object.contains("text") || !object["text"].is_string())
        throw InputError("{} is no JSON object with a \"text\"", lines_.place());
      text = object["text"].get<std::string>();
      if (text.empty()) continue;
    } else {
      if (!is_utf8(line)) throw InputError("{} is not UTF-8; convert the file", lines_.place());
      text = std::move(line);
    }
    return true;
  }
  return false;
}

nlohmann::json parse_json_line(const std::string& line, const std::string& place) {
  return parse_strict_json(line, place, {.bytes = kMaxLineBytes});
}

bool is_utf8(std::string_view bytes) {
  const char* data = bytes.data();
  const auto length = static_cast<int64_t>(bytes.size());
  for (int64_t i = 0; i < length;) {
    UChar32 character = 0;
    U8_NEXT(data, i, length, character);
    if (character < 0) return false;
  }
  return true;
}

}  // namespace tandem::data
