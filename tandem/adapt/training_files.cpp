// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/training_files.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/data/encode.h"

namespace tandem::adapt {
namespace {

namespace fs = std::filesystem;

fs::path pairs_path(const fs::path& folder, const RecipeTask& task, const char* kind) {
  return folder / fmt::format("{}.{}.jsonl", task.task.name, kind);
}

fs::path texts_prefix(const fs::path& folder, const RecipeTask& task) {
  return folder / fmt::format("{}.unlabeled", task.task.name);
}

struct Part {
  std::string name;
  fs::path path;
  int64_t elements;
};

// Adds the parts of one kind, which share its share.
void add_share(TrainingFiles& files, const Recipe& recipe, double share, const std::vector<Part>& parts) {
  std::vector<int64_t> elements;
  for (const Part& part : parts) elements.push_back(part.elements);
  const std::vector<double> weights = parts_of_share(elements, recipe.cap, recipe.temperature);
  for (size_t i = 0; i < parts.size(); ++i)
    files.train.push_back({.name = parts[i].name, .path = parts[i].path, .weight = share * weights[i]});
}

void write_texts(OpenedTask& task, const fs::path& folder, const fs::path& tokenizer) {
  const std::vector<std::string> texts = texts_of(task.entry.task, task.data.unlabeled().rows);
  if (texts.empty()) return;
  const fs::path prefix = texts_prefix(folder, task.entry);
  const std::string lines = prefix.string() + ".jsonl";
  write_file_atomically(lines, documents_of(texts));
  data::encode({.tokenizer = tokenizer.string(), .inputs = {lines}, .prefix = prefix.string()});
  fs::remove(lines);
}

}  // namespace

TrainingFiles plan_training_files(const Recipe& recipe, std::vector<OpenedTask>& tasks,
                                  const fs::path& folder) {
  TrainingFiles files;
  std::vector<Part> labelled, unlabeled;
  for (OpenedTask& task : tasks) {
    const std::string& name = task.entry.task.name;
    const auto rows = std::ssize(task.data.training_rows(task.train_file().name).rows);
    task.data.training_rows(task.dev_file().name);
    labelled.push_back({name, pairs_path(folder, task.entry, "train"), rows});
    files.pairs += rows * std::ssize(task.entry.patterns);
    if (!task.entry.soft.empty()) {
      const std::string pairs = read_file(task.entry.soft.string());
      const auto lines = std::ranges::count(pairs, '\n');
      labelled.push_back({name + " soft", pairs_path(folder, task.entry, "soft"), lines});
      files.pairs += lines;
    }
    files.dev.push_back({.name = name, .path = pairs_path(folder, task.entry, "dev")});
    if (!recipe.unlabeled) continue;
    const auto texts = std::ssize(texts_of(task.entry.task, task.data.unlabeled().rows));
    if (texts > 0) unlabeled.push_back({name + " texts", texts_prefix(folder, task.entry), texts});
  }
  const double text = recipe.text.empty() ? 0 : recipe.shares.text,
               own = unlabeled.empty() ? 0 : recipe.shares.unlabeled;
  files.share_of_pairs = recipe.shares.labelled / (recipe.shares.labelled + text + own);
  add_share(files, recipe, recipe.shares.labelled, labelled);
  if (own > 0) add_share(files, recipe, own, unlabeled);
  double weights = 0;
  for (const WeightedPath& source : recipe.text) weights += source.weight;
  for (const WeightedPath& source : recipe.text)
    files.train.push_back({.name = "text", .path = source.path, .weight = text * source.weight / weights});
  return files;
}

void write_training_files(const Recipe& recipe, std::vector<OpenedTask>& tasks, const fs::path& folder,
                          const data::Tokenizer& tokenizer, data::SampleLengths lengths) {
  // Whatever is wrong with rows or patterns shows before anything is written.
  std::map<fs::path, std::string> contents;
  for (OpenedTask& task : tasks) {
    const std::vector<tasks::Row>& rows = task.data.training_rows(task.train_file().name).rows;
    const std::vector<tasks::Row>& dev_rows = task.data.training_rows(task.dev_file().name).rows;
    if (!task.entry.soft.empty())
      contents[pairs_path(folder, task.entry, "soft")] = read_file(task.entry.soft.string());
    for (const std::string& pattern : task.entry.patterns) {
      const tasks::Phrasing phrasing = tasks::phrasing_of(task.entry.task, pattern, tokenizer, lengths);
      contents[pairs_path(folder, task.entry, "train")] +=
          pairs_of(phrasing, rows, task.data.path_of(task.train_file()).string());
      if (pattern == task.entry.patterns.front())
        contents[pairs_path(folder, task.entry, "dev")] =
            pairs_of(phrasing, dev_rows, task.data.path_of(task.dev_file()).string());
    }
  }
  const fs::path tokenizer_path = folder / "tokenizer.model";
  contents[tokenizer_path] = tokenizer.model();
  fs::create_directories(folder);
  for (const auto& [path, content] : contents) write_file_atomically(path.string(), content);
  if (recipe.unlabeled)
    for (OpenedTask& task : tasks) write_texts(task, folder, tokenizer_path);
}

std::string pairs_of(const tasks::Phrasing& phrasing, const std::vector<tasks::Row>& rows,
                     const std::string& file) {
  std::string lines;
  for (const tasks::Row& row : rows)
    lines +=
        fmt::format("{{\"source\": [{}], \"target\": [{}]}}\n", fmt::join(phrasing.source(row, file), ", "),
                    fmt::join(phrasing.answers(row, file)->at(row.label.value()), ", "));
  return lines;
}

std::vector<std::string> texts_of(const tasks::Task& task, const std::vector<tasks::Row>& rows) {
  std::vector<std::string> texts;
  const auto add = [&](std::string text) {
    if (!text.empty()) texts.push_back(std::move(text));
  };
  for (const tasks::Row& row : rows)
    for (size_t input = 0; input < task.inputs.size(); ++input) {
      const std::string& text = row.values.at(input);
      const std::string& mark = task.inputs[input].gap;
      const size_t gap = mark.empty() ? std::string::npos : text.find(mark);
      add(text.substr(0, gap));
      if (gap != std::string::npos) add(text.substr(gap + mark.size()));
    }
  return texts;
}

std::string documents_of(const std::vector<std::string>& texts) {
  std::string lines;
  for (const std::string& text : texts) lines += nlohmann::json{{"text", text}}.dump() + "\n";
  return lines;
}

}  // namespace tandem::adapt
