// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "tandem/cli/command.h"
#include "tandem/cli/inference_options.h"
#include "tandem/infer/candidates.h"
#include "tandem/infer/greedy.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;

struct GenerateOptions {
  InferenceOptions inference;
  TextOrIds source{.text_flag = "--text", .ids_flag = "--source-ids"};
  std::optional<int64_t> max_tokens;
  std::optional<int64_t> candidates;
};

using Gaps = std::vector<std::vector<infer::Filling>>;

std::string shown(const OpenedCheckpoint& opened, const infer::Ids& ids) {
  return opened.text_of(ids).value_or(fmt::format("{}", fmt::join(ids, ",")));
}

ordered_json json_of_gaps(const OpenedCheckpoint& opened, const Gaps& gaps) {
  ordered_json list = ordered_json::array();
  for (const auto& fillings : gaps) {
    ordered_json candidates = ordered_json::array();
    for (const infer::Filling& filling : fillings)
      candidates.push_back({{"ids", filling.ids},
                            {"text", json_of(opened.text_of(filling.ids))},
                            {"terminator", filling.terminator},
                            {"probability", std::exp(filling.log_probability)},
                            {"log_probability", filling.log_probability}});
    list.push_back({{"candidates", candidates}});
  }
  return list;
}

void print_gaps(const OpenedCheckpoint& opened, const Gaps& gaps) {
  for (size_t gap = 0; gap < gaps.size(); ++gap) {
    fmt::print("gap {}\n", gap + 1);
    for (const infer::Filling& filling : gaps[gap])
      fmt::print("  {:8.4f}  {}\n", std::exp(filling.log_probability),
                 filling.ids.empty() ? "(nothing)" : shown(opened, filling.ids));
  }
}

int generate(const GenerateOptions& options) {
  const OpenedCheckpoint opened(options.inference);
  const infer::Ids source = opened.source_of(options.source);
  const auto model = opened.load();
  const infer::LoadedModel& loaded = *model;
  std::optional<Gaps> gaps;
  if (options.candidates) gaps = infer::fill_gaps(loaded, source, {.count = *options.candidates});
  const infer::Generated generated =
      infer::generate_greedy(loaded, {source},
                             options.max_tokens.value_or(infer::usual_target_length(opened.reader())))
          .front();
  if (!options.inference.json) {
    fmt::print("{}\n", shown(opened, generated.ids));
    if (gaps) print_gaps(opened, *gaps);
    return 0;
  }
  ordered_json document = {{"ids", generated.ids},
                           {"text", json_of(opened.text_of(generated.ids))},
                           {"log_probabilities", generated.log_probabilities}};
  if (gaps) document["gaps"] = json_of_gaps(opened, *gaps);
  print_json(document);
  return 0;
}

}  // namespace

void register_generate(CLI::App& app, Actions& actions) {
  const auto options = std::make_shared<GenerateOptions>();
  add_inference_options(app, options->inference);
  add_text_or_ids(app, options->source, "what the encoder reads");
  app.add_option("--max-tokens", options->max_tokens,
                 "longest answer, eos included; default: the run's data.target_length")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->type_name("N");
  app.add_option("--candidates", options->candidates, "also the K likeliest fillings of each gap")
      ->check(CLI::Range(int64_t{1}, int64_t{1000}))
      ->type_name("K");
  actions.add(app, [options] { return generate(*options); });
}

}  // namespace tandem::cli
