// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/answering.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tandem/base/error.h"
#include "tandem/infer/score_candidates.h"

namespace tandem::adapt {
namespace {

// Rows that are scored in one call: enough to bring rows of like length together.
constexpr size_t kRowsOfCall = 256;

using TokenScores = std::vector<std::vector<double>>;  // of each answer, of each token

std::vector<double> sums_of(const TokenScores& scores) {
  std::vector<double> sums;
  for (const std::vector<double>& tokens : scores)
    sums.push_back(std::accumulate(tokens.begin(), tokens.end(), 0.0));
  return sums;
}

AnswerScores scores_of(const TokenScores& scores, const std::vector<double>& without_text) {
  const std::vector<double> sums = sums_of(scores);
  std::vector<double> means, corrected;
  for (size_t i = 0; i < sums.size(); ++i) means.push_back(sums[i] / static_cast<double>(scores[i].size()));
  for (size_t i = 0; i < without_text.size(); ++i) corrected.push_back(sums[i] - without_text[i]);
  return {{sums, means, corrected}};
}

}  // namespace

size_t AnswerScores::best(ScoreForm form) const {
  const std::span<const double> scores = of(form);
  TANDEM_CHECK(!scores.empty(), "no scores of this form");
  return static_cast<size_t>(std::ranges::max_element(scores) - scores.begin());
}

std::vector<double> AnswerScores::shares(ScoreForm form, double temperature) const {
  return softmax_of(of(form), temperature);
}

std::vector<double> softmax_of(std::span<const double> scores, double temperature) {
  const double most = std::ranges::max(scores);
  std::vector<double> shares;
  for (const double score : scores) shares.push_back(std::exp((score - most) / temperature));
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
  return shares;
}

std::vector<AnswerScores> score_answers(const infer::LoadedModel& loaded, const tasks::Phrasing& phrasing,
                                        const std::vector<tasks::Row>& rows, const std::string& file,
                                        Correction correction, const std::function<void(size_t)>& advance) {
  const infer::Ids empty_source = phrasing.empty_source();
  // With labels all rows have the same answers, whose worth by themselves is asked for once.
  tasks::Answers last;
  std::vector<double> worth_of_last;
  std::vector<AnswerScores> all;
  for (size_t first = 0; first < rows.size(); first += kRowsOfCall) {
    const size_t end = std::min(first + kRowsOfCall, rows.size());
    std::vector<infer::CandidatesRequest> asked, without_text;
    std::vector<bool> is_new;
    for (size_t i = first; i < end; ++i) {
      const tasks::Answers answers = phrasing.answers(rows[i], file);
      asked.push_back({.source = phrasing.source(rows[i], file), .candidates = *answers});
      is_new.push_back(correction == Correction::kCompute && answers != last);
      if (is_new.back()) without_text.push_back({.source = empty_source, .candidates = *answers});
      last = answers;
    }
    const std::vector<TokenScores> scores = infer::score_candidates(loaded, asked);
    const std::vector<TokenScores> worth = infer::score_candidates(loaded, without_text);
    for (size_t i = 0, next = 0; i < scores.size(); ++i) {
      if (is_new[i]) worth_of_last = sums_of(worth[next++]);
      all.push_back(scores_of(scores[i], worth_of_last));
    }
    if (advance) advance(end - first);
  }
  return all;
}

}  // namespace tandem::adapt
