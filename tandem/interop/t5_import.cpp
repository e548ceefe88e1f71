// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/t5_import.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "tandem/base/code_version.h"
#include "tandem/base/content_hash.h"
#include "tandem/base/error.h"
#include "tandem/base/fields.h"
#include "tandem/interop/filled_step.h"
#include "tandem/interop/hf_weights.h"
#include "tandem/interop/output_folder.h"
#include "tandem/interop/t5_config.h"
#include "tandem/interop/t5_names.h"
#include "tandem/interop/t5_tokenizer.h"
#include "tandem/model/tensor_table.h"

namespace tandem::interop {

namespace fs = std::filesystem;
using checkpoint::DataType;
using layout::Shape;
using layout::TensorSpec;

namespace {

std::vector<TensorSpec> table_of(const model::ModelConfig& config) {
  return model::tensor_table(config, {model::all_layers(config)});
}

/// Finds the tensors of a folder by the model's table, and gathers all that does not fit.
class Matcher {
 public:
  explicit Matcher(const HfWeights& weights) : weights_(weights) {}

  /// Returns the tensor if it is there; what is wrong with it is noted.
  const HfTensor* find(const std::string& name, const Shape& shape) {
    const HfTensor* tensor = weights_.find(name);
    if (tensor == nullptr) return nullptr;
    used_.insert(name);
    if (tensor->entry.shape != shape)
      problems_.push_back(fmt::format("tensor {} is [{}] there and [{}] by config.json", name,
                                      fmt::join(tensor->entry.shape, ", "), fmt::join(shape, ", ")));
    if (!is_weight_type(tensor->entry.type))
      problems_.push_back(
          fmt::format("tensor {} is {}; only F32, BF16, F16 and F64 are imported", name, tensor->entry.type));
    return tensor;
  }
  const HfTensor* require(const std::string& name, const Shape& shape) {
    const HfTensor* tensor = find(name, shape);
    if (tensor == nullptr) problems_.push_back(fmt::format("tensor {} is missing", name));
    return tensor;
  }

  void throw_problems() {
    for (const auto& [name, tensor] : weights_.tensors())
      if (!used_.contains(name) && name != kT5Unused)
        problems_.push_back(fmt::format("tensor {} is not one of this model", name));
    if (problems_.empty()) return;
    constexpr size_t kShown = 3;
    const size_t more = problems_.size() - std::min(problems_.size(), kShown);
    problems_.resize(std::min(problems_.size(), kShown));
    throw InputError("{}: {}{}", weights_.folder().string(), fmt::join(problems_, "; "),
                     more == 0 ? "" : fmt::format("; and {} more", more));
  }

 private:
  const HfWeights& weights_;
  std::set<std::string> used_;
  std::vector<std::string> problems_;
};

bool equal_values(const HfWeights& weights, const HfTensor& a, const HfTensor& b) {
  const HfTensor* const both[] = {&a, &b};
  const DataType type = common_type(both);
  constexpr int64_t kElementsAtOnce = 1 << 17;
  const int64_t count = layout::num_elements(a.entry.shape), size = checkpoint::size_bytes(type);
  std::vector<std::byte> of_a, of_b;
  for (int64_t first = 0; first < count; first += kElementsAtOnce) {
    const auto bytes = static_cast<size_t>(std::min(count - first, kElementsAtOnce) * size);
    of_a.resize(bytes);
    of_b.resize(bytes);
    weights.read(a, first, type, of_a);
    weights.read(b, first, type, of_b);
    if (of_a != of_b) return false;
  }
  return true;
}

/// Where every part of every tensor of the model comes from.
class Plan {
 public:
  Plan(const HfWeights& weights, const T5Config& config) : weights_(weights), model_(config.model) {
    model_.tied_head = true;
    Matcher matcher(weights);
    find_tables(matcher);
    const std::vector<TensorSpec> tied = table_of(model_);
    for (size_t tensor = 0; tensor < tied.size(); ++tensor) add(tied[tensor], matcher);
    matcher.throw_problems();
    decide_head(config);
  }

  const model::ModelConfig& model() const { return model_; }
  ImportedHead head() const { return head_; }

  /// Returns the type that holds all weights exactly.
  DataType stored_type() const {
    std::vector<const HfTensor*> all;
    for (const auto& [name, sources] : sources_) all.insert(all.end(), sources.begin(), sources.end());
    return common_type(all);
  }

  std::vector<FilledPiece> pieces() const {
    const std::vector<TensorSpec> table = table_of(model_);
    const DataType type = stored_type();
    std::vector<FilledPiece> pieces;
    for (size_t tensor = 0; tensor < table.size(); ++tensor) {
      const std::vector<T5Part> parts = t5_parts(table[tensor]);
      const std::vector<const HfTensor*>& sources = sources_.at(table[tensor].name);
      for (size_t part = 0; part < parts.size(); ++part)
        pieces.push_back(
            {.tensor = tensor,
             .slice = parts[part].slice,
             .fill = [this, type, source = sources[part]](int64_t first, std::span<std::byte> out) {
               weights_.read(*source, first, type, out);
             }});
    }
    return pieces;
  }

 private:
  Shape table_shape() const { return {model_.vocabulary, model_.hidden}; }

  void find_tables(Matcher& matcher) {
    for (const char* name : kT5Tables)
      if (const HfTensor* found = matcher.find(name, table_shape())) tables_.push_back(found);
    lm_head_ = matcher.find(kT5Head, table_shape());
    // Transformers ties in both directions: the head alone gives the table too.
    if (tables_.empty() && lm_head_ != nullptr) tables_.push_back(lm_head_);
    if (tables_.empty()) matcher.require(kT5Tables[0], table_shape());
  }

  void add(const TensorSpec& spec, Matcher& matcher) {
    if (spec.name == "embedding") return;
    for (const T5Part& part : t5_parts(spec))
      sources_[spec.name].push_back(matcher.require(part.name, part.shape));
  }

  void decide_head(const T5Config& config) {
    for (const HfTensor* table : tables_)
      if (table != tables_[0] && !equal_values(weights_, *table, *tables_[0]))
        throw InputError("{}: {} differs from {}; tandem has one table for source and target",
                         weights_.folder().string(), table->name, tables_[0]->name);
    sources_["embedding"] = {tables_[0]};
    const bool differs = lm_head_ != nullptr && !equal_values(weights_, *lm_head_, *tables_[0]);
    if (!differs && config.scales_output) return;
    if (differs && config.scales_output)
      throw InputError(
          "{}: {} differs from {} while config.json scales the decoder's output (scale_decoder_outputs, or "
          "tie_word_embeddings not false); tandem scales only a tied head",
          weights_.folder().string(), lm_head_->name, tables_[0]->name);
    model_.tied_head = false;
    sources_["head"] = {differs ? lm_head_ : tables_[0]};
    head_ = differs ? ImportedHead::kUntied : ImportedHead::kTiedUnscaled;
  }

  const HfWeights& weights_;
  model::ModelConfig model_;
  ImportedHead head_ = ImportedHead::kTied;
  std::vector<const HfTensor*> tables_;  // all spellings that are there
  const HfTensor* lm_head_ = nullptr;
  std::map<std::string, std::vector<const HfTensor*>> sources_;
};

// Counts what is filled; the pieces stay as they are otherwise.
std::vector<FilledPiece> with_progress(std::vector<FilledPiece> pieces, const ByteProgress& progress,
                                       int64_t total, int64_t& done) {
  if (!progress) return pieces;
  for (FilledPiece& piece : pieces)
    piece.fill = [fill = std::move(piece.fill), &progress, total, &done](int64_t first,
                                                                         std::span<std::byte> out) {
      fill(first, out);
      progress(done += std::ssize(out), total);
    };
  return pieces;
}

}  // namespace

T5Imported import_t5(const T5ImportOptions& options) {
  const T5Config config = read_t5_config(options.source);
  const T5Tokenizer tokenizer = read_t5_tokenizer(options.source, config);
  const HfWeights weights = HfWeights::open(options.source);
  OutputFolder output(options.output);
  const Plan plan(weights, config);
  const std::vector<FilledPiece> pieces = plan.pieces();
  const nlohmann::json model(config_to_json(plan.model()));

  T5Imported result{.model_type = config.model_type,
                    .head = plan.head(),
                    .has_tokenizer = tokenizer.model.has_value(),
                    .sentinel_count = tokenizer.facts.sentinel_count,
                    .notes = tokenizer.notes};
  result.notes.insert(result.notes.end(), weights.notes().begin(), weights.notes().end());
  const DataType type = plan.stored_type();
  for (const FilledPiece& piece : pieces) {
    result.parameters += piece.slice.num_elements();
    result.bytes += piece.slice.num_elements() * checkpoint::size_bytes(type);
  }
  if (!config.not_used.empty())
    result.notes.push_back(fmt::format("not used of config.json: {}", fmt::join(config.not_used, ", ")));
  if (weights.find(kT5Unused) != nullptr) result.notes.push_back(fmt::format("not used: {}", kT5Unused));

  const checkpoint::StepDescription description{
      .run_id = content_hash(model.dump()),
      .code_version = code_version(),
      .config = {{"model", model}},
      .tokenizer = tokenizer.facts,
      .roles = {{.role = checkpoint::Role::kParameter, .type = type}}};
  int64_t done = 0;
  const fs::path step = save_filled_step(output.unfinished(), description, table_of(plan.model()),
                                         with_progress(pieces, options.progress, result.bytes, done));
  if (tokenizer.model) output.write("tokenizer.model", *tokenizer.model);
  output.publish();
  result.step = options.output / step.filename();
  return result;
}

}  // namespace tandem::interop
