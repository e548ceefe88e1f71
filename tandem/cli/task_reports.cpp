// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/task_reports.h"

#include <string>

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

}  // namespace tandem::cli
