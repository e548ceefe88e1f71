// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tandem/checkpoint/reader.h"

namespace tandem::cli {

/// Prints one JSON document on standard output.
void print_json(const nlohmann::ordered_json& document);

/// How a command shows its result: `--json`, or a line a value.
struct Output {
  bool json = false;

  void add_to(CLI::App& app) { app.add_flag("--json", json, "one JSON document"); }
  /// Prints the document and returns 0.
  int print(const nlohmann::ordered_json& document) const;
};

/// Prints the members of a document, a line each.
void print_lines(const nlohmann::ordered_json& document);

/// Says on standard error which newer steps were passed over.
void warn_of_damage(const checkpoint::StepReader& reader);

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
