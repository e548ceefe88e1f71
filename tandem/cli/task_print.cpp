// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/task_print.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tandem/cli/output.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;

std::string text_of(const ordered_json& value) {
  return value.is_string() ? one_line(value.get<std::string>()) : value.dump();
}

// How many rows the rarest and the commonest label have.
std::string spread_of(const ordered_json& labels) {
  if (labels.is_null()) return "-";
  int64_t least = INT64_MAX, most = 0;
  for (const auto& [label, rows] : labels.items()) {
    least = std::min(least, rows.get<int64_t>());
    most = std::max(most, rows.get<int64_t>());
  }
  return least == most ? std::to_string(most) : fmt::format("{} to {}", least, most);
}

void print_files(const ordered_json& files) {
  std::vector<std::vector<std::string>> table{{"file", "rows", "texts", "ids twice", "left out",
                                               "rows a label", "majority %", "characters: median", "99 %",
                                               "longest"}};
  for (const ordered_json& file : files) {
    const ordered_json& majority = file["majority"];
    table.push_back({text_of(file["name"]), file["rows"].dump(), file["texts"].dump(),
                     file["repeated_ids"].dump(), file["left_out"].dump(), spread_of(file["labels"]),
                     majority.is_null() ? "-" : fmt::format("{:.1f}", 100 * majority.get<double>()),
                     fmt::format("{}", file["characters"]["median"].get<double>()),
                     file["characters"]["percentile_99"].dump(), file["characters"]["longest"].dump()});
  }
  fmt::print("\n");
  print_table(table);
}

void print_unlabeled(const ordered_json& unlabeled) {
  fmt::print("\nunlabeled texts: {} kept, {} dropped\n", unlabeled["kept"].dump(),
             unlabeled["dropped"].dump());
  for (const ordered_json& test : unlabeled["in_tests"])
    fmt::print("  in {}: {} texts, {} lines\n", text_of(test["test"]), test["texts"].dump(),
               test["lines"].dump());
}

// Splits share texts with one another by their nature: only those of other kinds are shown.
void print_overlaps(const ordered_json& overlaps) {
  const auto kind = [](const ordered_json& name) {
    const std::string text = text_of(name);
    return text.starts_with("test") ? "test" : text.substr(0, text.find('_'));
  };
  fmt::print("\ntexts in files of two kinds:");
  bool is_any = false;
  for (const ordered_json& overlap : overlaps) {
    const ordered_json& files = overlap["files"];
    if (kind(files[0]) == kind(files[1])) continue;
    fmt::print("\n  {} and {}: {}", text_of(files[0]), text_of(files[1]), overlap["texts"].dump());
    is_any = true;
  }
  fmt::print("{}\n", is_any ? "" : " none");
}

void print_examples(const ordered_json& examples) {
  for (const ordered_json& example : examples) {
    fmt::print("\npattern {}:\n  {}\n", text_of(example["pattern"]), text_of(example["text"]));
    if (!example["words"].is_null())
      fmt::print("  answer: {}\n", fmt::join(example["words"].get<std::vector<std::string>>(), ", "));
  }
}

}  // namespace

void print_task(const ordered_json& task) {
  fmt::print("{}  {}; {}, {} classes\n", text_of(task["name"]), text_of(task["summary"]),
             text_of(task["metric"]), task["classes"].dump());
  for (const ordered_json& pattern : task["patterns"]) {
    fmt::print("  {}: {}\n", text_of(pattern["name"]), text_of(pattern["text"]));
    if (pattern["words"].is_null()) continue;
    std::vector<std::string> words;
    for (const auto& [label, written] : pattern["words"].items())
      words.push_back(fmt::format("{} {}", label, fmt::join(written.get<std::vector<std::string>>(), "+")));
    fmt::print("    {}\n", fmt::join(words, ", "));
  }
}

void print_task_data(const ordered_json& document) {
  for (const char* key : {"task", "folder", "metric", "classes", "missing"})
    fmt::print("{:<12} {}\n", key, text_of(document[key]));
  print_files(document["files"]);
  print_unlabeled(document["unlabeled"]);
  print_overlaps(document["overlaps"]);
  print_examples(document["examples"]);
}

}  // namespace tandem::cli
