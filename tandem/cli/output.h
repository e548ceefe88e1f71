// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tandem/checkpoint/reader.h"

namespace tandem::cli {

/// Prints one JSON document on standard output.
void print_json(const nlohmann::ordered_json& document);

/// Returns a text with spaces for line breaks: a path may hold some.
std::string one_line(std::string text);

/// How a command shows its result: `--json`, or a line a value.
struct Output {
  bool json = false;

  void add_to(CLI::App& app) { app.add_flag("--json", json, "one JSON document"); }
  /// Prints the document and returns 0.
  int print(const nlohmann::ordered_json& document) const;
};

/// Prints the members of a document, a line each.
void print_lines(const nlohmann::ordered_json& document);

/// Prints a line a row, columns aligned, the first to the left and all others to the right. The first row is
/// the header.
void print_table(const std::vector<std::vector<std::string>>& rows);

/// Says on standard error which newer steps were passed over.
void warn_of_damage(const checkpoint::StepReader& reader);

/// Explains an argument that `open_step` takes.
inline constexpr const char* kStepHelp = "a run's folder (its newest whole step), or that of one step";

/// Opens a step and warns of damaged ones.
checkpoint::StepReader open_step(const std::string& folder);

/// Measures the time since it was made.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tandem::cli
