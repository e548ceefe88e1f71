// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tandem/adapt/evaluation.h"
#include "tandem/base/error.h"
#include "tandem/cli/command.h"
#include "tandem/cli/output.h"
#include "tandem/cli/task_model.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMostColumns = 16;

std::string_view name_of(adapt::ScoreForm form) {
  for (const auto& [name, value] : adapt::kScoreForms)
    if (value == form) return name;
  return "?";
}

ordered_json confusion_json(const tasks::Confusion& confusion) {
  ordered_json rows = ordered_json::array();
  for (size_t label = 0; label < confusion.num_classes(); ++label) {
    ordered_json row = ordered_json::array();
    for (size_t answer = 0; answer < confusion.num_classes(); ++answer)
      row.push_back(confusion.count(label, answer));
    rows.push_back(std::move(row));
  }
  return rows;
}

ordered_json floor_json(AskedTask& asked) {
  ordered_json floor = ordered_json::array();
  for (const adapt::FloorResult& result : adapt::floor_results(asked.data(), asked.rows()))
    floor.push_back({{"split", result.split}, {"accuracy", result.accuracy}});
  return floor;
}

ordered_json published_json(const tasks::Task& task) {
  ordered_json published = ordered_json::array();
  for (const tasks::PublishedResult& result : task.published) {
    published.push_back({{"method", result.method}, {"accuracy", result.accuracy / 100}});
    if (result.spread) published.back()["spread"] = *result.spread / 100;
  }
  return published;
}

std::vector<std::string> class_names(const tasks::Task& task) {
  std::vector<std::string> names;
  for (size_t i = 0; i < task.num_classes(); ++i) names.push_back(task.class_name(i));
  return names;
}

ordered_json evaluate(AskedTask& asked, adapt::ScoreForm form) {
  if (!tasks::has_answers(asked.file().role))
    throw InputError("{} of {} has no labels to compare with; use task predict, or name another --file",
                     asked.file().name, asked.task().name);
  const tasks::Task& task = asked.task();
  const auto model = asked.load();
  const Stopwatch watch;
  const std::vector<adapt::AnswerScores> scores = asked.score(*model, adapt::Correction::kCompute);
  const double seconds = watch.seconds();
  const auto confusion_by = [&](adapt::ScoreForm by) {
    return adapt::confusion_of(adapt::answers_of(scores, by), asked.rows(), task.num_classes());
  };
  const tasks::Confusion confusion = confusion_by(form);
  ordered_json forms;
  for (const auto& [name, value] : adapt::kScoreForms)
    forms[std::string(name)] = confusion_by(value).accuracy();
  return {{"task", task.name},
          {"file", asked.file().name},
          {"checkpoint", asked.step().folder().string()},
          {"pattern", asked.phrasing().name()},
          {"scoring", name_of(form)},
          {"samples", confusion.samples()},
          {"accuracy", confusion.accuracy()},
          {"standard_error", confusion.standard_error()},
          {"macro_f1", confusion.macro_f1()},
          {"majority", confusion.majority()},
          {"floor", floor_json(asked)},
          {"by_scoring", forms},
          {"published",
           asked.file().role == tasks::FileRole::kTestPublic ? published_json(task) : ordered_json::array()},
          {"labels", class_names(task)},
          {"confusion", confusion_json(confusion)},
          {"seconds", seconds},
          {"samples_per_second", static_cast<double>(confusion.samples()) / seconds}};
}

std::string percent(const ordered_json& share) { return fmt::format("{:.1f}", 100 * share.get<double>()); }

void print_results(const ordered_json& result) {
  std::vector<std::vector<std::string>> table{
      {result["task"].get<std::string>() + " " + result["file"].get<std::string>(), "accuracy %", "spread"}};
  table.push_back({fmt::format("this model, pattern {}, by {}", result["pattern"].get<std::string>(),
                               result["scoring"].get<std::string>()),
                   percent(result["accuracy"]), fmt::format("+-{}", percent(result["standard_error"]))});
  table.push_back({"majority", percent(result["majority"]), ""});
  for (const ordered_json& floor : result["floor"])
    table.push_back({fmt::format("characters alone, train {}", floor["split"].get<std::string>()),
                     percent(floor["accuracy"]), ""});
  for (const ordered_json& other : result["published"])
    table.push_back({"published: " + other["method"].get<std::string>(), percent(other["accuracy"]),
                     other.contains("spread") ? percent(other["spread"]) : ""});
  print_table(table);
  fmt::print("\nmacro-F1 {}; {} samples, {:.0f} a second; by sum {}, by mean {}, corrected {}\n",
             percent(result["macro_f1"]), result["samples"].dump(),
             result["samples_per_second"].get<double>(), percent(result["by_scoring"]["sum"]),
             percent(result["by_scoring"]["mean"]), percent(result["by_scoring"]["corrected"]));
}

void print_matrix(const ordered_json& result) {
  std::vector<std::vector<std::string>> table{{"label \\ answer"}};
  for (const ordered_json& label : result["labels"]) table[0].push_back(label.get<std::string>());
  for (size_t label = 0; label < result["labels"].size(); ++label) {
    table.push_back({result["labels"][label].get<std::string>()});
    for (const ordered_json& count : result["confusion"][label]) table.back().push_back(count.dump());
  }
  fmt::print("\n");
  print_table(table);
}

// Of many classes the pairs that are taken for each other most often.
void print_commonest(const ordered_json& result) {
  struct Mistake {
    int64_t count;
    size_t label, answer;
  };
  std::vector<Mistake> mistakes;
  for (size_t label = 0; label < result["labels"].size(); ++label)
    for (size_t answer = 0; answer < result["labels"].size(); ++answer)
      if (const auto count = result["confusion"][label][answer].get<int64_t>(); label != answer && count > 0)
        mistakes.push_back({count, label, answer});
  std::ranges::stable_sort(mistakes, std::greater(), &Mistake::count);
  std::vector<std::vector<std::string>> table{{"commonest mistakes: label", "answer", "samples"}};
  for (const Mistake& mistake : mistakes)
    if (table.size() <= kMostColumns)
      table.push_back({result["labels"][mistake.label].get<std::string>(),
                       result["labels"][mistake.answer].get<std::string>(), std::to_string(mistake.count)});
  fmt::print("\n");
  print_table(table);
}

}  // namespace

void register_task_evaluate(CLI::App& app, Actions& actions) {
  const auto options = std::make_shared<AskingOptions>();
  options->add_to(app, "test_public");
  actions.add(app, [options] {
    AskedTask asked(*options);
    const ordered_json result = evaluate(asked, options->form);
    if (options->inference.json) return print_json(result), 0;
    print_results(result);
    result["labels"].size() <= kMostColumns ? print_matrix(result) : print_commonest(result);
    return 0;
  });
}

}  // namespace tandem::cli
