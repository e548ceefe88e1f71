// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/floor.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
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
  explicit NaiveBayes(size_t num_classes) : rows_(num_classes, 0), sums_(num_classes, 0) {}

  void learn(std::string_view text, size_t label) {
    ++rows_[label];
    for (const std::string_view gram : grams_of(text)) {
      auto& counts = counts_.try_emplace(std::string(gram), rows_.size(), 0).first->second;
      ++counts[label];
      ++sums_[label];
    }
  }

  size_t answer(std::string_view text) const {
    std::vector<double> scores;
    for (size_t label = 0; label < rows_.size(); ++label)
      scores.push_back(rows_[label] == 0 ? -std::numeric_limits<double>::infinity()
                                         : std::log(static_cast<double>(rows_[label])));
    for (const std::string_view gram : grams_of(text))
      if (const auto found = counts_.find(std::string(gram)); found != counts_.end())
        for (size_t label = 0; label < scores.size(); ++label)
          scores[label] += log_probability(found->second[label], label);
    return static_cast<size_t>(std::ranges::max_element(scores) - scores.begin());
  }

 private:
  double log_probability(int64_t count, size_t label) const {
    return std::log((static_cast<double>(count) + kSmoothing) /
                    (static_cast<double>(sums_[label]) + kSmoothing * static_cast<double>(counts_.size())));
  }

  std::vector<int64_t> rows_, sums_;
  std::unordered_map<std::string, std::vector<int64_t>> counts_;
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
  NaiveBayes bayes(task.num_classes());
  for (const Row& row : training) bayes.learn(text_of(row), row.label.value());
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
