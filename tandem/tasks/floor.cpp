// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/floor.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/base/utf8.h"

namespace tandem::tasks {
namespace {

constexpr double kSmoothing = 0.1;

std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> characters;
  for (size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    for (end = begin + 1; end < text.size() && !begins_character(text[end]);) ++end;
    characters.push_back(text.substr(begin, end - begin));
  }
  return characters;
}

// Single characters and pairs of neighbours.
std::vector<std::string_view> grams_of(std::string_view text) {
  std::vector<std::string_view> grams = characters_of(text);
  const size_t n = grams.size();
  for (size_t i = 0; i + 1 < n; ++i)
    grams.emplace_back(grams[i].data(), grams[i].size() + grams[i + 1].size());
  return grams;
}

class NaiveBayes {
 public:
  struct Example {
    std::string text;
    size_t label;
  };

  NaiveBayes(const std::vector<Example>& training, size_t num_classes) {
    std::vector<double> rows(num_classes, 0), grams(num_classes, 0);
    for (const Example& example : training) {
      ++rows[example.label];
      for (const std::string_view gram : grams_of(example.text)) {
        ++of_grams_.try_emplace(std::string(gram), num_classes, 0).first->second[example.label];
        ++grams[example.label];
      }
    }
    // Counts become what is summed up for an answer: of tens of labels the logarithms cost more than all
    // else.
    for (const double count : rows) of_labels_.push_back(std::log(count));
    const double added = kSmoothing * static_cast<double>(of_grams_.size());
    for (auto& [gram, of_labels] : of_grams_)
      for (size_t label = 0; label < num_classes; ++label)
        of_labels[label] = std::log((of_labels[label] + kSmoothing) / (grams[label] + added));
  }

  size_t answer(std::string_view text) const {
    std::vector<double> scores = of_labels_;
    for (const std::string_view gram : grams_of(text))
      if (const auto found = of_grams_.find(std::string(gram)); found != of_grams_.end())
        for (size_t label = 0; label < scores.size(); ++label) scores[label] += found->second[label];
    return static_cast<size_t>(std::ranges::max_element(scores) - scores.begin());
  }

 private:
  std::vector<double> of_labels_;  // log-probabilities; -infinity without a row
  std::unordered_map<std::string, std::vector<double>> of_grams_;  // by label
};

double overlap_of(const std::string& a, const std::string& b) {
  const auto set_of = [](const std::string& text) {
    const auto characters = characters_of(text);
    return std::set<std::string_view>(characters.begin(), characters.end());
  };
  const auto of_a = set_of(a), of_b = set_of(b);
  std::vector<std::string_view> both;
  std::ranges::set_intersection(of_a, of_b, std::back_inserter(both));
  const size_t either = of_a.size() + of_b.size() - both.size();
  return either == 0 ? 1 : static_cast<double>(both.size()) / static_cast<double>(either);
}

// Answers one label from a threshold on, the other below it.
struct Threshold {
  double at = 0;
  size_t from_there_on = 0;
  int64_t right = -1;

  size_t answer(double overlap) const { return overlap >= at ? from_there_on : 1 - from_there_on; }
};

Threshold best_threshold(const std::vector<std::pair<double, size_t>>& seen) {
  std::set<double> values;
  for (const auto& [overlap, label] : seen) values.insert(overlap);
  std::vector<double> places{0};
  for (auto it = values.begin(); it != values.end() && std::next(it) != values.end(); ++it)
    places.push_back((*it + *std::next(it)) / 2);
  places.push_back(2);
  Threshold best;
  for (const double at : places)
    for (const size_t label : {size_t{0}, size_t{1}}) {
      Threshold tried{.at = at, .from_there_on = label, .right = 0};
      for (const auto& [overlap, is] : seen) tried.right += tried.answer(overlap) == is ? 1 : 0;
      if (tried.right > best.right) best = tried;
    }
  return best;
}

std::vector<size_t> by_characters(const Task& task, const std::vector<Row>& training,
                                  const std::vector<Row>& rows) {
  const auto text_of = [&](const Row& row) {
    std::string text;
    for (const size_t input : task.floor->inputs) text += row.values.at(input);
    return text;
  };
  std::vector<NaiveBayes::Example> examples;
  for (const Row& row : training) examples.push_back({text_of(row), row.label.value()});
  const NaiveBayes bayes(examples, task.num_classes());
  std::vector<size_t> answers;
  for (const Row& row : rows) answers.push_back(bayes.answer(text_of(row)));
  return answers;
}

std::vector<size_t> by_overlap(const Task& task, const std::vector<Row>& training,
                               const std::vector<Row>& rows) {
  const auto overlap = [&](const Row& row) {
    return overlap_of(row.values.at(task.floor->inputs[0]), row.values.at(task.floor->inputs[1]));
  };
  std::vector<std::pair<double, size_t>> seen;
  for (const Row& row : training) seen.emplace_back(overlap(row), row.label.value());
  const Threshold threshold = best_threshold(seen);
  std::vector<size_t> answers;
  for (const Row& row : rows) answers.push_back(threshold.answer(overlap(row)));
  return answers;
}

}  // namespace

std::vector<size_t> floor_answers(const Task& task, const std::vector<Row>& training,
                                  const std::vector<Row>& rows) {
  TANDEM_CHECK(task.floor.has_value(), "{} has no floor", task.name);
  return task.floor->kind == FloorKind::kCharacters ? by_characters(task, training, rows)
                                                    : by_overlap(task, training, rows);
}

}  // namespace tandem::tasks
