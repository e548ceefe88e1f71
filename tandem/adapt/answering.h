// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tandem/infer/loaded_model.h"
#include "tandem/tasks/phrasing.h"
#include "tandem/tasks/rows.h"

namespace tandem::adapt {

/// What makes one answer better than another. All are over the log-probabilities of an answer's tokens, its
/// terminator among them.
enum class ScoreForm {
  kSum,
  kMean,       ///< per token: favours answers of many likely tokens
  kCorrected,  ///< the sum, less the sum after a source without a text: what the answer is worth by itself
};
inline constexpr std::array<std::pair<std::string_view, ScoreForm>, 3> kScoreForms{
    {{"sum", ScoreForm::kSum}, {"mean", ScoreForm::kMean}, {"corrected", ScoreForm::kCorrected}}};

/// Whether answers are scored without a text too: another pass for each list of answers.
enum class Correction { kSkip, kCompute };

/// What a model gives to the answers of one sample, in their order; by kCorrected nothing where that was
/// skipped.
struct AnswerScores {
  std::array<std::vector<double>, kScoreForms.size()> by_form;

  std::span<const double> of(ScoreForm form) const { return by_form[static_cast<size_t>(form)]; }
  /// Returns the best answer, the first of equal ones. BugError for a form that was skipped.
  size_t best(ScoreForm form) const;
  /// Returns the answers' shares: the softmax of their scores over `temperature`.
  std::vector<double> shares(ScoreForm form, double temperature = 1) const;
};

/// Returns the softmax of scores over a temperature.
std::vector<double> softmax_of(std::span<const double> scores, double temperature);

/// Scores the answers of all rows, each independent of the others. `file` names them in messages;
/// `advance` is told how many rows more are done. Errors as Phrasing and infer::score_candidates.
std::vector<AnswerScores> score_answers(const infer::LoadedModel& loaded, const tasks::Phrasing& phrasing,
                                        const std::vector<tasks::Row>& rows, const std::string& file,
                                        Correction correction,
                                        const std::function<void(size_t)>& advance = {});

}  // namespace tandem::adapt
