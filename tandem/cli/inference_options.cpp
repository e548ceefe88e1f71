// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/inference_options.h"

#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "tandem/base/error.h"
#include "tandem/observe/progress.h"

namespace tandem::cli {

namespace {

constexpr int64_t kUsualSource = 512;

infer::Ids parse_ids(std::string_view text, const char* flag) {
  infer::Ids ids;
  const char *at = text.data(), *end = at + text.size();
  while (true) {
    int32_t id = 0;
    const auto [after, error] = std::from_chars(at, end, id);
    if (error != std::errc() || (after != end && *after != ','))
      throw InputError("{}: `{}` is no list of token ids; give it as 5,6,7", flag, text);
    ids.push_back(id);
    if (after == end) return ids;
    at = after + 1;
  }
}

}  // namespace

void add_inference_options(CLI::App& app, InferenceOptions& options) {
  app.add_option("--checkpoint", options.checkpoint,
                 "a run's folder (its newest whole step) or one step's folder")
      ->required()
      ->type_name("DIR");
  app.add_option("--tokenizer", options.tokenizer, "default: the run's tokenizer.model")->type_name("FILE");
  app.add_flag("--json", options.json, "one JSON document");
}

void add_text_or_ids(CLI::App& app, TextOrIds& input, const std::string& what) {
  app.add_option(input.text_flag, input.text, what + " as a text; <mask> is a gap, eos is appended")
      ->type_name("TEXT");
  app.add_option(input.ids_flag, input.ids, what + " as token ids, used exactly as given")
      ->type_name("5,6,7");
}

OpenedCheckpoint::OpenedCheckpoint(const InferenceOptions& options)
    : folder_(options.checkpoint),
      reader_(checkpoint::StepReader::open(folder_)),
      tokenizer_(infer::choose_tokenizer(reader_, options.tokenizer, infer::special_ids_of(reader_))) {
  warn_of_damage(reader_);
  if (!tokenizer_ || tokenizer_->warning.empty()) return;
  if (options.own_tokenizer_only)
    throw InputError("--tokenizer: {}; what is learned or scored with it would mean nothing",
                     tokenizer_->warning);
  observe::standard_error().print("warning: " + tokenizer_->warning);
}

std::unique_ptr<const infer::LoadedModel> OpenedCheckpoint::load() const {
  std::unique_ptr<const infer::LoadedModel> model;
  const auto step = checkpoint::load_newest(folder_, [&](const checkpoint::StepReader& reader) {
    model.reset(new infer::LoadedModel(infer::load_model(reader)));
  });
  if (step.folder() != reader_.folder()) warn_of_damage(step);
  return model;
}

infer::Ids OpenedCheckpoint::ids_of(const TextOrIds& input) const {
  if (input.text.has_value() == input.ids.has_value())
    throw InputError("give {} or {}, {}", input.text_flag, input.ids_flag,
                     input.text ? "not both" : "one of them");
  if (input.ids) return parse_ids(*input.ids, input.ids_flag);
  if (!tokenizer_)
    throw InputError("{}: no tokenizer.model lies beside {}; name one with --tokenizer, or give {}",
                     input.text_flag, reader_.folder().string(), input.ids_flag);
  infer::Ids ids = tokenizer_->tokenizer.encode_with_masks(*input.text);
  ids.push_back(tokenizer_->tokenizer.ids().eos);
  return ids;
}

infer::Ids OpenedCheckpoint::source_of(const TextOrIds& input) const {
  infer::Ids ids = ids_of(input);
  const auto size = static_cast<int64_t>(ids.size());
  if (const auto longest = infer::longest_trained_source(reader_); longest && size > *longest)
    observe::standard_error().print(fmt::format(
        "warning: the source has {} tokens, the model was trained with at most {}", size, *longest));
  return ids;
}

const data::Tokenizer& OpenedCheckpoint::tokenizer() const {
  if (!tokenizer_)
    throw InputError("no tokenizer.model lies beside {}; name the model's with --tokenizer",
                     reader_.folder().string());
  return tokenizer_->tokenizer;
}

data::SampleLengths OpenedCheckpoint::trained_lengths() const {
  return {.source = infer::longest_trained_source(reader_).value_or(kUsualSource),
          .target = infer::usual_target_length(reader_)};
}

std::optional<std::string> OpenedCheckpoint::text_of(const infer::Ids& ids) const {
  if (!tokenizer_) return std::nullopt;
  return tokenizer_->tokenizer.decode(ids);
}

nlohmann::ordered_json json_of(const std::optional<std::string>& text) {
  return text ? nlohmann::ordered_json(*text) : nlohmann::ordered_json(nullptr);
}

}  // namespace tandem::cli
