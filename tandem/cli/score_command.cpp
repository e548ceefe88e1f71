// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <numeric>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tandem/cli/command.h"
#include "tandem/cli/inference_options.h"
#include "tandem/infer/score.h"

namespace tandem::cli {
namespace {

struct ScoreOptions {
  InferenceOptions inference;
  TextOrIds source{.text_flag = "--text", .ids_flag = "--source-ids"};
  TextOrIds target{.text_flag = "--target", .ids_flag = "--target-ids"};
};

void print_lines(const OpenedCheckpoint& opened, const infer::Ids& target,
                 const std::vector<double>& scores) {
  const int32_t eos = infer::special_ids_of(opened.reader()).eos;
  for (size_t i = 0; i < target.size(); ++i)
    fmt::print("{:10.4f}  {:>7}  {}\n", scores[i], target[i],
               target[i] == eos ? "</s>" : opened.text_of({target[i]}).value_or(""));
  fmt::print("{:10.4f}  sum of {} tokens\n", std::accumulate(scores.begin(), scores.end(), 0.0),
             scores.size());
}

int score(const ScoreOptions& options) {
  const OpenedCheckpoint opened(options.inference);
  const infer::ScoreRequest request{.source = opened.source_of(options.source),
                                    .target = opened.ids_of(options.target)};
  const auto model = opened.load();
  const infer::LoadedModel& loaded = *model;
  const std::vector<double> scores = infer::score(loaded, {request}).front();
  if (options.inference.json)
    print_json({{"ids", request.target}, {"log_probabilities", scores}});
  else
    print_lines(opened, request.target, scores);
  return 0;
}

}  // namespace

void register_score(CLI::App& app, Actions& actions) {
  const auto options = std::make_shared<ScoreOptions>();
  add_inference_options(app, options->inference);
  add_text_or_ids(app, options->source, "what the encoder reads");
  add_text_or_ids(app, options->target, "what is scored");
  actions.add(app, [options] { return score(*options); });
}

}  // namespace tandem::cli
