// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/answering.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/infer/score_candidates.h"

namespace tandem::adapt {
namespace {

// Rows that are scored in one call: enough to bring rows of like length together.
constexpr size_t kRowsOfCall = 256;
// Answers without a text that are scored over one tree.
constexpr size_t kAnswersOfList = 32;

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

// What answers are worth by themselves: each is scored once, in however many rows it stands.
class WorthWithoutText {
 public:
  WorthWithoutText(const infer::LoadedModel& loaded, infer::Ids empty_source)
      : loaded_(loaded), empty_source_(std::move(empty_source)) {}

  void score_new(const std::vector<infer::CandidatesRequest>& asked) {
    std::vector<infer::Ids> unknown;
    for (const infer::CandidatesRequest& of_row : asked)
      for (const infer::Ids& answer : of_row.candidates)
        if (worth_.try_emplace(answer).second) unknown.push_back(answer);
    std::vector<infer::CandidatesRequest> lists;
    for (size_t i = 0; i < unknown.size(); ++i) {
      if (i % kAnswersOfList == 0) lists.push_back({.source = empty_source_});
      lists.back().candidates.push_back(unknown[i]);
    }
    const std::vector<TokenScores> scores = infer::score_candidates(loaded_, lists);
    for (size_t i = 0; i < lists.size(); ++i) {
      const std::vector<double> sums = sums_of(scores[i]);
      for (size_t j = 0; j < sums.size(); ++j) worth_.at(lists[i].candidates[j]) = sums[j];
    }
  }

  std::vector<double> of(const std::vector<infer::Ids>& answers) const {
    std::vector<double> found;
    for (const infer::Ids& answer : answers) found.push_back(worth_.at(answer));
    return found;
  }

 private:
  const infer::LoadedModel& loaded_;
  const infer::Ids empty_source_;
  std::map<infer::Ids, double> worth_;
};

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
  WorthWithoutText worth(loaded, phrasing.empty_source());
  std::vector<AnswerScores> all;
  for (size_t first = 0; first < rows.size(); first += kRowsOfCall) {
    const size_t end = std::min(first + kRowsOfCall, rows.size());
    std::vector<infer::CandidatesRequest> asked;
    for (size_t i = first; i < end; ++i)
      asked.push_back(
          {.source = phrasing.source(rows[i], file), .candidates = *phrasing.answers(rows[i], file)});
    if (correction == Correction::kCompute) worth.score_new(asked);
    const std::vector<TokenScores> scores = infer::score_candidates(loaded, asked);
    for (size_t i = 0; i < scores.size(); ++i)
      all.push_back(scores_of(scores[i], correction == Correction::kCompute ? worth.of(asked[i].candidates)
                                                                            : std::vector<double>()));
    if (advance) advance(end - first);
  }
  return all;
}

}  // namespace tandem::adapt
