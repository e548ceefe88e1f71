// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/output.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tandem/observe/terminal.h"

namespace tandem::cli {

using nlohmann::ordered_json;

void print_json(const ordered_json& document) {
  // Paths may be of any bytes.
  fmt::print("{}\n", document.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

void print_lines(const ordered_json& document) {
  for (const auto& [key, value] : document.items())
    fmt::print("{:<20} {}\n", key, value.is_string() ? one_line(value.get<std::string>()) : value.dump());
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows)
    for (size_t column = 0; column < row.size(); ++column) {
      if (column == widths.size()) widths.push_back(0);
      widths[column] = std::max(widths[column], row[column].size());
    }
  for (const auto& row : rows) {
    std::string line;
    for (size_t column = 0; column < row.size(); ++column)
      line += column == 0 ? fmt::format("{:<{}}", row[column], widths[column])
                          : fmt::format("  {:>{}}", row[column], widths[column]);
    fmt::print("{}\n", line);
  }
}

int Output::print(const ordered_json& document) const {
  json ? print_json(document) : print_lines(document);
  return 0;
}

void warn_of_damage(const checkpoint::StepReader& reader) {
  for (const std::string& line : reader.passed_over())
    observe::standard_error().print("warning: passed over a damaged step: " + line);
}

checkpoint::StepReader open_step(const std::string& folder) {
  checkpoint::StepReader reader = checkpoint::StepReader::open(folder);
  warn_of_damage(reader);
  return reader;
}

}  // namespace tandem::cli
