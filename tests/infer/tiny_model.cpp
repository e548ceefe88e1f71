// SPDX-License-Identifier: Apache-2.0
#include "tests/infer/tiny_model.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include "tandem/base/fields.h"
#include "tandem/base/random.h"
#include "tandem/checkpoint/writer.h"
#include "tandem/model/initialize.h"
#include "tandem/model/tensor_table.h"

namespace tandem::testing {

namespace {

// Tiny tensors gain nothing from threads, and on a busy machine waiting for them takes most of the time.
[[maybe_unused]] const bool one_thread = (at::set_num_threads(1), true);

std::vector<layout::TensorSpec> table_of(const model::ModelConfig& config) {
  return model::tensor_table(config, {model::all_layers(config)});
}

at::Tensor values_of(const layout::TensorSpec& spec, at::ScalarType type) {
  return model::initial_values(spec, 5, 0, 1, type);
}

void add_parts(std::vector<checkpoint::Piece>& pieces, size_t tensor, const at::Tensor& values,
               int64_t parts) {
  const int64_t rows = values.size(0), row_bytes = static_cast<int64_t>(values.nbytes()) / rows;
  const auto* bytes = static_cast<const std::byte*>(values.const_data_ptr());
  for (int64_t part = 0; part < parts; ++part) {
    const int64_t begin = rows * part / parts, end = rows * (part + 1) / parts;
    layout::Slice slice = layout::whole(values.sizes().vec());
    slice.offset[0] = begin;
    slice.extent[0] = end - begin;
    pieces.push_back(
        {.tensor = tensor,
         .range = layout::range_of(slice),
         .values = {std::span(bytes + begin * row_bytes, static_cast<size_t>((end - begin) * row_bytes))}});
  }
}

}  // namespace

model::ModelConfig tiny_config(model::Positions positions, int64_t vocabulary) {
  return {.encoder_layers = 2,
          .decoder_layers = 3,
          .hidden = 16,
          .heads = 2,
          .head_dim = 6,
          .feed_forward = 20,
          .vocabulary = vocabulary,
          .positions = positions,
          .tied_head = false,
          .relative_buckets = 8,
          .relative_distance = 20};
}

model::Parameters tiny_parameters(const model::ModelConfig& config, at::ScalarType type) {
  model::Parameters parameters;
  for (const layout::TensorSpec& spec : table_of(config)) parameters.add(spec).value = values_of(spec, type);
  return parameters;
}

infer::Ids invented_ids(uint64_t number, int64_t length) {
  const CounterRandom random(21, "ids", number);
  infer::Ids ids;
  for (int64_t i = 0; i < length; ++i)
    ids.push_back(2 + static_cast<int32_t>(random.below(static_cast<uint64_t>(i), 5)));
  return ids;
}

std::filesystem::path save_tiny(const std::filesystem::path& folder, const TinyCheckpoint& stored) {
  const auto table = table_of(stored.model);
  std::vector<at::Tensor> values;
  std::vector<checkpoint::Piece> pieces;
  for (size_t i = 0; i < table.size(); ++i) {
    values.push_back(values_of(table[i], stored.type).contiguous());
    add_parts(pieces, i, values.back(), stored.parts);
  }
  const checkpoint::StepDescription description{
      .run_id = "0123456789abcdef0123456789abcdef",
      .step = stored.step,
      .code_version = "test",
      .config = {{"model", nlohmann::json(config_to_json(stored.model))}, {"data", {{"target_length", 6}}}},
      .tokenizer = stored.tokenizer,
      .roles = {
          {.type = stored.type == at::kDouble ? checkpoint::DataType::kF64 : checkpoint::DataType::kF32}}};
  checkpoint::OneRank alone;
  return checkpoint::save_step({.folder = folder, .description = description, .tensors = table}, pieces,
                               alone);
}

}  // namespace tandem::testing
