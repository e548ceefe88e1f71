// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/rows.h"

#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/data/text_lines.h"
#include "tandem/tasks/line_reader.h"

namespace tandem::tasks {
namespace {

constexpr std::array<std::string_view, 8> kSpaces{" ", "\t", "\n", "\r", "\v", "\f", "\u00a0", "\u3000"};

std::string_view without_outer_space(std::string_view text) {
  for (bool is_shorter = true; is_shorter;) {
    is_shorter = false;
    for (const std::string_view space : kSpaces) {
      const size_t begin = text.starts_with(space) ? space.size() : 0;
      text.remove_prefix(begin);
      const size_t end = text.ends_with(space) ? space.size() : 0;
      text.remove_suffix(end);
      is_shorter = is_shorter || begin + end > 0;
    }
  }
  return text;
}

}  // namespace

std::string Row::text() const {
  // A character that no text of a file holds in earnest keeps ("ab", "c") and ("a", "bc") apart.
  std::string all;
  for (const std::string& value : values) all.append(without_outer_space(value)) += '\x1f';
  return all;
}

std::set<std::string> Rows::texts() const {
  std::set<std::string> texts;
  for (const Row& row : rows) texts.insert(row.text());
  return texts;
}

Rows read_rows(const Task& task, FileRole role, const std::filesystem::path& path) {
  data::TextLines lines(path.string());
  LineReader reader(task, role);
  Rows rows;
  std::string line;
  for (int64_t number = 1; lines.next(line); ++number) {
    if (line.empty()) continue;
    const nlohmann::json object = data::parse_json_line(line, lines.place());
    std::optional<Row> row = reader.read(object, lines.place(), rows);
    if (!row) continue;
    row->line = number;
    rows.rows.push_back(std::move(*row));
  }
  if (rows.rows.empty() && role != FileRole::kUnlabeled)
    throw InputError("{} holds no line; a file of {} has a JSON object a line", path.string(), task.name);
  return rows;
}

}  // namespace tandem::tasks
