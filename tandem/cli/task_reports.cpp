// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/task_reports.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tandem/cli/output.h"
#include "tandem/tasks/statistics.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;
using tasks::FileFigures;
using tasks::Task;
using tasks::TaskData;
using tasks::TaskFile;
using tasks::TaskPattern;

std::string class_name(const Task& task, size_t label) {
  return task.candidates ? std::to_string(label) : task.labels[label];
}

ordered_json words_of(const Task& task, const TaskPattern& pattern) {
  if (task.candidates) return nullptr;
  ordered_json words = ordered_json::object();
  for (size_t label = 0; label < task.labels.size(); ++label)
    words[task.labels[label]] = pattern.words[label];
  return words;
}

ordered_json describe_file(const Task& task, const TaskFile& file, const tasks::Rows& rows) {
  const FileFigures figures = tasks::figures_of(task, file.role, rows);
  ordered_json labels = nullptr;
  for (size_t label = 0; label < figures.labels.size(); ++label)
    labels[class_name(task, label)] = figures.labels[label];
  return {{"name", file.name},
          {"file", file.file},
          {"rows", figures.rows},
          {"left_out", rows.left_out},
          {"texts", figures.texts},
          {"repeated_ids", figures.repeated_ids},
          {"deleted_characters", rows.deleted_characters},
          {"labels", labels},
          {"majority", figures.labels.empty() ? ordered_json() : ordered_json(figures.majority())},
          {"characters",
           {{"median", figures.lengths.median},
            {"percentile_99", figures.lengths.percentile_99},
            {"longest", figures.lengths.longest}}}};
}

ordered_json describe_overlaps(TaskData& data) {
  ordered_json overlaps = ordered_json::array();
  for (const tasks::Overlap& overlap : tasks::overlaps_in(data))
    overlaps.push_back({{"files", {overlap.first, overlap.second}}, {"texts", overlap.texts}});
  return overlaps;
}

ordered_json describe_unlabeled(TaskData& data) {
  const tasks::Unlabeled unlabeled = data.unlabeled();
  ordered_json from = ordered_json::array();
  for (const tasks::TestTexts& test : unlabeled.from)
    from.push_back({{"test", test.test}, {"texts", test.texts}, {"lines", test.lines}});
  return {{"kept", unlabeled.rows.size()}, {"dropped", unlabeled.dropped}, {"in_tests", from}};
}

// The first row of the first file that is there, as each pattern shows it.
ordered_json describe_examples(TaskData& data) {
  const Task& task = data.task();
  const tasks::Row* row = nullptr;
  for (const TaskFile& file : task.files)
    if (row == nullptr && data.has(file) && !data.rows(file.name).rows.empty())
      row = &data.rows(file.name).rows.front();
  ordered_json examples = ordered_json::array();
  if (row == nullptr) return examples;
  for (const TaskPattern& pattern : task.patterns) {
    ordered_json words = nullptr;
    if (row->label && task.candidates) words = {row->candidates[*row->label]};
    if (row->label && !task.candidates) words = pattern.words[*row->label];
    examples.push_back({{"pattern", pattern.name},
                        {"text", tasks::show(pattern.pattern.render(row->values))},
                        {"words", words}});
  }
  return examples;
}

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

ordered_json describe_task(const Task& task) {
  ordered_json inputs = ordered_json::object(), patterns = ordered_json::array();
  for (const tasks::Input& input : task.inputs) inputs[input.name] = input.path;
  for (const TaskPattern& pattern : task.patterns)
    patterns.push_back({{"name", pattern.name},
                        {"text", pattern.pattern.text()},
                        {"gaps", pattern.pattern.num_gaps()},
                        {"words", words_of(task, pattern)}});
  ordered_json files = ordered_json::object();
  for (const TaskFile& file : task.files) files[file.name] = file.file;
  return {{"name", task.name},
          {"summary", task.summary},
          {"metric", name_of(task.metric)},
          {"classes", task.num_classes()},
          {"labels", task.candidates ? ordered_json() : ordered_json(task.labels)},
          {"inputs", inputs},
          {"patterns", patterns},
          {"files", files},
          {"submission",
           {{"file", task.submission.file},
            {"id", name_of(task.submission.id)},
            {"member", task.submission.member},
            {"type", name_of(task.submission.type)}}}};
}

ordered_json describe_task_data(TaskData& data) {
  const Task& task = data.task();
  ordered_json files = ordered_json::array(), missing = ordered_json::array();
  for (const TaskFile& file : task.files) {
    if (!data.has(file))
      missing.push_back(file.name);
    else if (file.role == tasks::FileRole::kTrain || file.role == tasks::FileRole::kDev)
      files.push_back(describe_file(task, file, data.training_rows(file.name)));
    else
      files.push_back(describe_file(task, file, data.rows(file.name)));
  }
  return {{"task", task.name},
          {"folder", data.folder().string()},
          {"metric", name_of(task.metric)},
          {"classes", task.num_classes()},
          {"missing", missing},
          {"files", files},
          {"unlabeled", describe_unlabeled(data)},
          {"overlaps", describe_overlaps(data)},
          {"examples", describe_examples(data)}};
}

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
