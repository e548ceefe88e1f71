// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/output.h"

#include <string>

#include <fmt/format.h>

#include "tandem/observe/terminal.h"

namespace tandem::cli {

using nlohmann::ordered_json;

void print_json(const ordered_json& document) {
  // Paths may be of any bytes.
  fmt::print("{}\n", document.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

void print_lines(const ordered_json& document) {
  for (const auto& [key, value] : document.items())
    fmt::print("{:<20} {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
}

int Output::print(const ordered_json& document) const {
  json ? print_json(document) : print_lines(document);
  return 0;
}

void warn_of_damage(const checkpoint::StepReader& reader) {
  for (const std::string& line : reader.passed_over())
    observe::standard_error().print("warning: passed over a damaged step: " + line);
}

}  // namespace tandem::cli
