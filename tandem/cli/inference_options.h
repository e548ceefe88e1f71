// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "tandem/checkpoint/reader.h"
#include "tandem/cli/output.h"
#include "tandem/data/sample.h"
#include "tandem/data/tokenizer.h"
#include "tandem/infer/loaded_model.h"
#include "tandem/infer/tokenizer_choice.h"

namespace tandem::cli {

/// Which model is asked, and how the answer is printed.
struct InferenceOptions {
  std::string checkpoint;
  std::string tokenizer;
  bool json = false;
  bool own_tokenizer_only = false;  ///< another one than the model's is refused, not warned of
};

/// Adds --checkpoint, --tokenizer and --json; `options` must outlive the parsing.
void add_inference_options(CLI::App& app, InferenceOptions& options);

/// One input, as a text or as ids; `text_flag` and `ids_flag` name both in messages.
struct TextOrIds {
  const char* text_flag;
  const char* ids_flag;
  std::optional<std::string> text = {};
  std::optional<std::string> ids = {};
};

/// Adds the two flags; `input` must outlive the parsing.
void add_text_or_ids(CLI::App& app, TextOrIds& input, const std::string& what);

/// An opened checkpoint with its tokenizer, if it has one. Says on standard error what the user should know:
/// damaged newer steps, a foreign tokenizer.
class OpenedCheckpoint {
 public:
  /// Opens the step and its tokenizer. Throws InputError where the folder holds no step, or one of another
  /// major version or with special ids outside its vocabulary; where a named tokenizer is missing, a
  /// tokenizer is no model, or the run's (with own_tokenizer_only any) is not the one that the step names.
  /// Throws EnvironmentError where no step is whole or reading fails.
  explicit OpenedCheckpoint(const InferenceOptions& options);

  const checkpoint::StepReader& reader() const { return reader_; }

  /// Loads the model; of a run, that of an older step where the newest turns out damaged, which it says.
  /// Errors as infer::load_model.
  std::unique_ptr<const infer::LoadedModel> load() const;

  /// Returns the ids of an input: given ones as they are, a text tokenised (each <mask> the next sentinel)
  /// and with eos. InputError unless exactly one form is given, or for a text without a tokenizer.
  infer::Ids ids_of(const TextOrIds& input) const;
  /// Returns the ids of a source, and warns where it is longer than any that the model was trained with.
  /// Errors as ids_of.
  infer::Ids source_of(const TextOrIds& input) const;
  /// Returns the tokenizer. InputError where there is none.
  const data::Tokenizer& tokenizer() const;
  /// Returns the longest source and target of the model's training, or what is usual where the step does not
  /// say.
  data::SampleLengths trained_lengths() const;
  /// Returns the text of ids, or nothing without a tokenizer.
  std::optional<std::string> text_of(const infer::Ids& ids) const;

 private:
  std::filesystem::path folder_;
  checkpoint::StepReader reader_;
  std::optional<infer::ChosenTokenizer> tokenizer_;
};

/// Returns a text as a JSON value; null for none.
nlohmann::ordered_json json_of(const std::optional<std::string>& text);

}  // namespace tandem::cli
