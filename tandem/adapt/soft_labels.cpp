// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/soft_labels.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tandem/base/error.h"

namespace tandem::adapt {
namespace {

constexpr double kLeastShare = 1e-3;

}  // namespace

std::vector<std::vector<double>> merged_shares(const std::vector<Opinion>& opinions, double temperature) {
  TANDEM_CHECK(!opinions.empty() && temperature > 0, "{} opinions, temperature {}", opinions.size(),
               temperature);
  double weights = 0;
  for (const Opinion& opinion : opinions) weights += opinion.weight;
  std::vector<std::vector<double>> merged;
  for (size_t row = 0; row < opinions.front().scores.size(); ++row) {
    std::vector<double> mean(opinions.front().scores[row].of(ScoreForm::kSum).size(), 0.0);
    for (const Opinion& opinion : opinions) {
      const std::vector<double> shares = opinion.scores.at(row).shares(ScoreForm::kSum);
      for (size_t i = 0; i < mean.size(); ++i)
        mean[i] += opinion.weight / weights * std::log(std::max(shares.at(i), 1e-300));
    }
    merged.push_back(softmax_of(mean, temperature));
  }
  return merged;
}

std::string soft_pairs_of(const tasks::Phrasing& phrasing, const std::vector<tasks::Row>& rows,
                          const std::vector<std::vector<double>>& shares, const std::string& file) {
  std::string lines;
  for (size_t row = 0; row < rows.size(); ++row) {
    const tasks::Answers answers = phrasing.answers(rows[row], file);
    std::vector<std::string> targets;
    for (size_t i = 0; i < answers->size(); ++i)
      if (const double share = shares.at(row).at(i); share >= kLeastShare)
        targets.push_back(
            fmt::format("{{\"target\": [{}], \"weight\": {:.6g}}}", fmt::join(answers->at(i), ", "), share));
    lines += fmt::format("{{\"source\": [{}], \"targets\": [{}]}}\n",
                         fmt::join(phrasing.source(rows[row], file), ", "), fmt::join(targets, ", "));
  }
  return lines;
}

}  // namespace tandem::adapt
