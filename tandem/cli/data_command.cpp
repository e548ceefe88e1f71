// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/cli/command.h"
#include "tandem/cli/data_inspect.h"
#include "tandem/cli/output.h"
#include "tandem/cli/run_config_options.h"
#include "tandem/data/encode.h"
#include "tandem/data/output_files.h"
#include "tandem/data/tokenizer.h"
#include "tandem/data/tokenizer_training.h"
#include "tandem/data/unigram.h"
#include "tandem/observe/progress.h"
#include "tandem/train/run_config.h"
#include "tandem/train/run_data.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;

constexpr const char* kInputHelp = "texts: a document a line in .txt, {\"text\": ...} a line in .jsonl";

struct TokenizerOptions {
  data::TokenizerTraining training;
  std::string output;
  Output print;
};

// A bar for each pass over the lines; after the last one SentencePiece trains, which tells nothing.
class TokenizerProgress {
 public:
  explicit TokenizerProgress(int64_t vocabulary) : vocabulary_(vocabulary) {}

  void update(const data::LinesRead& read) {
    const bool sampling = read.pass == data::LinesRead::Pass::kSample;
    auto& bar = sampling ? sample_ : count_;
    if (sampling) count_.reset();
    if (!bar)
      bar.emplace(observe::standard_error(),
                  observe::ProgressOptions{.label = sampling ? "sample lines" : "count characters",
                                           .total = static_cast<int64_t>(read.total),
                                           .unit = "lines"});
    bar->update({.done = static_cast<int64_t>(read.done)});
    if (!sampling || read.done < read.total) return;
    sample_->finish();
    observe::standard_error().print(fmt::format("training a tokenizer of {} ids", vocabulary_));
  }

 private:
  int64_t vocabulary_;
  std::optional<observe::Progress> count_, sample_;
};

int make_tokenizer(const TokenizerOptions& options) {
  const Stopwatch watch;
  // Announced first: an output that cannot be written is found out before the work.
  data::OutputFiles files;
  const std::string temporary = files.add(options.output);
  TokenizerProgress progress(options.training.vocabulary);
  data::TokenizerTraining training = options.training;
  training.progress = [&](const data::LinesRead& read) { progress.update(read); };
  const data::TrainedTokenizer trained = data::train_tokenizer(training);
  const auto tokenizer = data::Tokenizer::from_model(trained.model, options.output);
  data::OutputFiles::write(temporary, trained.model);
  files.publish();
  if (trained.unused > 0)
    observe::standard_error().print(
        fmt::format("warning: the text gives only {} pieces; {} ids stay unused",
                    options.training.vocabulary - trained.sentinels - trained.unused, trained.unused));
  return options.print.print({{"output", options.output},
                              {"vocabulary", tokenizer.ids().vocabulary},
                              {"sentinels", trained.sentinels},
                              {"first_sentinel", tokenizer.ids().first_sentinel},
                              {"characters", trained.characters},
                              {"character_coverage", trained.character_coverage},
                              {"unused", trained.unused},
                              {"lines", trained.lines},
                              {"text_bytes", trained.text_bytes},
                              {"tokenizer_hash", tokenizer.hash()},
                              {"seconds", watch.seconds()}});
}

void register_tokenizer(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<TokenizerOptions>();
  CLI::App* app = parent.add_subcommand("tokenizer", "Train a SentencePiece tokenizer");
  app->add_option("--input", options->training.inputs, kInputHelp)->required();
  app->add_option("--vocabulary", options->training.vocabulary, "all ids: control, bytes, text, sentinels")
      ->required()
      ->check(CLI::Range(int64_t{1}, data::kLargestVocabulary));
  app->add_option("--output", options->output, "the model file to write")->required();
  app->add_option("--sentinels", options->training.sentinels, "default: min(512, vocabulary / 16)")
      ->check(CLI::Range(int64_t{0}, data::kLargestVocabulary));
  options->print.add_to(*app);
  actions.add(*app, [options] { return make_tokenizer(*options); });
}

struct EncodeArguments {
  data::EncodeOptions encode;
  Output print;
};

int encode(const EncodeArguments& arguments) {
  const Stopwatch watch;
  observe::Progress progress(observe::standard_error(), {.label = "encode", .unit = "documents"});
  data::EncodeOptions options = arguments.encode;
  options.progress = [&](uint64_t documents) { progress.update({.done = static_cast<int64_t>(documents)}); };
  const data::IndexMetadata metadata = data::encode(options);
  progress.finish();
  return arguments.print.print({{"prefix", options.prefix},
                                {"documents", metadata.documents},
                                {"tokens", metadata.tokens},
                                {"vocabulary", metadata.ids.vocabulary},
                                {"tokenizer_hash", metadata.tokenizer_hash},
                                {"seconds", watch.seconds()}});
}

void register_encode(CLI::App& parent, Actions& actions) {
  const auto arguments = std::make_shared<EncodeArguments>();
  data::EncodeOptions& options = arguments->encode;
  options.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  CLI::App* app =
      parent.add_subcommand("encode", "Turn texts into a tokenised index (Megatron's .bin and .idx)");
  app->add_option("--tokenizer", options.tokenizer, "a SentencePiece model")->required();
  app->add_option("--input", options.inputs, kInputHelp)->required();
  app->add_option("--output", options.prefix, "PREFIX of the files to write")->required();
  app->add_option("--threads", options.threads, "default: all cores")->check(CLI::Range(1, 1024));
  arguments->print.add_to(*app);
  actions.add(*app, [arguments] { return encode(*arguments); });
}

struct InspectOptions {
  std::string prefix;
  std::optional<uint64_t> document;
  Output print;
};

void register_inspect(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App* app =
      parent.add_subcommand("inspect", "Check encoded data and show its figures, or one document");
  app->add_option("prefix", options->prefix, "PREFIX of PREFIX.bin and PREFIX.idx")->required();
  app->add_option("--document", options->document, "also show this document's ids and text, counted from 0")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 48));
  options->print.add_to(*app);
  actions.add(*app,
              [options] { return options->print.print(describe_data(options->prefix, options->document)); });
}

struct UnigramOptions {
  RunConfigOptions run;
  Output print;
};

int unigram(const UnigramOptions& options) {
  const train::RunConfig config = train::load_run_config(options.run.config, options.run.sets).config;
  if (config.data.validation.empty())
    throw InputError("data.validation names no data; set it to held-out data");
  const auto [training, validation] = train::open_run_data(config);
  observe::Progress progress(observe::standard_error(),
                             {.label = "unigram",
                              .total = static_cast<int64_t>(training.size() + validation->size()),
                              .unit = "samples"});
  const data::UnigramFigures figures = data::unigram_figures(training, *validation, [&](uint64_t samples) {
    progress.update({.done = static_cast<int64_t>(samples)});
  });
  progress.finish();
  return options.print.print({{"nats", figures.nats},
                              {"training_tokens", figures.training_tokens},
                              {"validation_tokens", figures.validation_tokens}});
}

void register_unigram(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<UnigramOptions>();
  CLI::App* app = parent.add_subcommand(
      "unigram",
      "Compute the validation loss of the training targets' unigram distribution, which a model must beat");
  add_run_config_options(*app, options->run);
  options->print.add_to(*app);
  actions.add(*app, [options] { return unigram(*options); });
}

}  // namespace

void register_data(CLI::App& app, Actions& actions) {
  app.require_subcommand(1);
  register_tokenizer(app, actions);
  register_encode(app, actions);
  register_inspect(app, actions);
  register_unigram(app, actions);
}

}  // namespace tandem::cli
