// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/evaluation.h"

#include <set>

#include "tandem/observe/trace.h"
#include "tandem/train/largest_of_ranks.h"

namespace tandem::train {

namespace {

std::vector<observe::SourceMetrics> figures_by_name(const TrainingData& data, int64_t num_steps,
                                                    const std::vector<EvaluationResult>& sums) {
  std::vector<observe::SourceMetrics> figures;
  const SourceNames& names = data.names();
  if (!names.several()) return figures;
  const std::set<size_t> held_out(names.validation.begin(), names.validation.end());
  const std::vector<int64_t> rows = data.rows_by_name(num_steps);
  for (size_t i = 0; i < sums.size(); ++i) {
    figures.push_back({.name = names.names[i], .rows = rows[i]});
    if (held_out.contains(i)) figures.back().validation_loss = sums[i].mean();
  }
  return figures;
}

}  // namespace

std::optional<Evaluation> evaluate(ShardedModel& model, const TrainingData& data, int64_t num_steps,
                                   const std::function<bool()>& told_to_stop) {
  const observe::ScopedSpan span({"evaluate", "step"});
  const comm::Group& all = model.groups().world;
  std::vector<EvaluationResult> sums(data.names().names.size());
  for (uint64_t round = 0; round < data.num_evaluation_rounds(); ++round) {
    const std::vector<EvaluationResult> part =
        model.evaluate(data.evaluation_batches(round, model.coordinate().data), sums.size());
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += part[i];
    if (largest_of_ranks(all, {int64_t{told_to_stop()}})[0] != 0) return std::nullopt;
  }
  EvaluationResult whole;
  for (const EvaluationResult& sum : sums) whole += sum;
  return Evaluation{.loss = whole.mean(), .sources = figures_by_name(data, num_steps, sums)};
}

}  // namespace tandem::train
