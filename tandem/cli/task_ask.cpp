// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/cli/command.h"
#include "tandem/cli/output.h"
#include "tandem/cli/task_model.h"
#include "tandem/data/text_lines.h"
#include "tandem/tasks/line_reader.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;

constexpr const char* kPlace = "--sample";

struct AskOptions {
  AnsweringOptions answering;
  std::string task;
  std::string sample;
};

tasks::Row row_of(const tasks::Task& task, const std::string& sample) {
  tasks::Rows counts;
  // The role of files that need neither id nor label.
  tasks::LineReader reader(task, tasks::FileRole::kUnlabeled);
  return reader.read(data::parse_json_line(sample, kPlace), kPlace, counts).value();
}

// What an answer fills the gaps with.
std::string words_of(const tasks::Task& task, const std::string& pattern, const tasks::Row& row,
                     size_t answer) {
  if (task.candidates) return row.candidates[answer];
  const auto found = std::ranges::find(task.patterns, pattern, &tasks::TaskPattern::name);
  return found == task.patterns.end() ? task.labels[answer]
                                      : fmt::format("{}", fmt::join(found->words[answer], " … "));
}

ordered_json ask(const AskOptions& options) {
  const tasks::Task task = load_task(options.task);
  const tasks::Row row = row_of(task, options.sample);
  const OpenedCheckpoint opened(options.answering.inference);
  const tasks::Phrasing phrasing = phrasing_for(task, options.answering, opened);
  const adapt::AnswerScores scores =
      adapt::score_answers(*opened.load(), phrasing, {row}, kPlace, options.answering.correction()).front();
  const std::vector<double> shares = scores.shares(options.answering.form);
  std::vector<size_t> order(shares.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](size_t answer) { return shares[answer]; });
  ordered_json answers = ordered_json::array();
  for (const size_t answer : order)
    answers.push_back({{"answer", task.class_name(answer)},
                       {"words", words_of(task, phrasing.name(), row, answer)},
                       {"probability", shares[answer]},
                       {"log_probability", scores.of(adapt::ScoreForm::kSum)[answer]}});
  return {{"task", task.name},
          {"pattern", phrasing.name()},
          {"sentence", phrasing.sentence(row)},
          {"answers", answers}};
}

void print_answers(const ordered_json& result) {
  fmt::print("{}\n\n", one_line(result["sentence"].get<std::string>()));
  std::vector<std::vector<std::string>> table{{"words", "answer", "probability", "log-probability"}};
  for (const ordered_json& answer : result["answers"])
    table.push_back({answer["words"].get<std::string>(), answer["answer"].get<std::string>(),
                     fmt::format("{:.4f}", answer["probability"].get<double>()),
                     fmt::format("{:.2f}", answer["log_probability"].get<double>())});
  print_table(table);
}

}  // namespace

void register_task_ask(CLI::App& app, Actions& actions) {
  const auto options = std::make_shared<AskOptions>();
  app.add_option("--task", options->task, kTaskHelp)->required();
  app.add_option("--sample", options->sample,
                 R"(a line as in the task's files, its label left out: {"sentence": "…"})")
      ->required()
      ->type_name("JSON");
  options->answering.add_to(app);
  actions.add(app, [options] {
    const ordered_json result = ask(*options);
    options->answering.inference.json ? print_json(result) : print_answers(result);
    return 0;
  });
}

}  // namespace tandem::cli
