// SPDX-License-Identifier: Apache-2.0
#include "stored_model.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "tandem/base/random.h"
#include "thread_ranks.h"

namespace tandem::checkpoint {

using layout::Shape;
using layout::Slice;
using layout::TensorSpec;

namespace {

uint32_t value_at(size_t tensor, Role role, int64_t element) {
  return CounterRandom(7, "value", tensor, static_cast<int>(role)).words(static_cast<uint64_t>(element))[0];
}

// Calls visit(flat index in the tensor) for each element of the slice, row-major.
template <class Visit>
void for_each_element(const Shape& shape, const Slice& slice, Visit&& visit) {
  for (int64_t i = 0; i < slice.num_elements(); ++i) {
    int64_t rest = i, flat = 0, stride = 1;
    for (size_t dim = shape.size(); dim-- > 0;) {
      flat += (slice.offset[dim] + rest % slice.extent[dim]) * stride;
      rest /= slice.extent[dim];
      stride *= shape[dim];
    }
    visit(flat);
  }
}

class StateBuilder {
 public:
  StateBuilder(const StoredLayout& layout, int rank)
      : layout_(layout),
        at_(layout::Mesh(layout.mesh).coordinate_of(rank)),
        tensors_(stored_tensors(layout.mesh.pipeline)) {}

  StoredState build() {
    const auto buckets = layout::make_buckets(tensors_, at_.pipeline,
                                              {.data_ranks = layout_.shards_state ? layout_.mesh.data : 1,
                                               .tensor_ranks = layout_.mesh.tensor,
                                               .max_elements = layout_.bucket_elements});
    if (!layout_.shards_state && at_.data != 0) return {};
    for (const layout::Bucket& bucket : buckets) add(bucket);
    return std::move(state_);
  }

 private:
  void add(const layout::Bucket& bucket) {
    for (const layout::ShardSegment& segment : shard_segments(bucket, layout_.shards_state ? at_.data : 0)) {
      const TensorSpec& spec = tensors_[segment.tensor];
      if (!spec.is_owned_at(at_)) continue;
      const Slice box = local_slice(spec, at_.tensor, layout_.mesh.tensor);
      // Padded rows come last in the local tensor.
      const int64_t end = std::min(segment.tensor_offset + segment.num_elements, box.num_elements());
      if (segment.tensor_offset >= end) continue;
      Piece piece{.tensor = segment.tensor,
                  .range = {.box = box, .begin = segment.tensor_offset, .count = end - segment.tensor_offset},
                  .values = {}};
      for (const Role role : kAllRoles) {
        state_.buffers.push_back(stored_values(segment.tensor, role, spec.shape, piece.range));
        piece.values.emplace_back(std::span<const std::byte>(state_.buffers.back()));
      }
      state_.pieces.push_back(std::move(piece));
    }
  }

  const StoredLayout& layout_;
  layout::MeshCoordinate at_;
  std::vector<TensorSpec> tensors_;
  StoredState state_;
};

}  // namespace

StoredLayout layout_number(uint64_t number) {
  const CounterRandom random(11, "layout", number);
  return {.mesh = {.data = 1 + static_cast<int>(random.below(0, 3)),
                   .pipeline = 1 + static_cast<int>(random.below(1, 3)),
                   .tensor = std::array{1, 2, 4}[random.below(2, 3)]},
          .bucket_elements = 1 << random.below(3, 10),
          .shards_state = random.below(4, 4) != 0};
}

std::vector<TensorSpec> stored_tensors(int stages) {
  const auto on = [&](int part, int parts) { return std::vector<int>{part * stages / parts}; };
  std::vector<int> ends{0};
  if (stages > 1) ends.push_back(stages - 1);
  return {{.name = "embedding", .shape = {37, 6}, .tensor_dim = 0, .stages = ends},
          {.name = "encoder.layer.0.norm", .shape = {6}, .stages = on(0, 3)},
          {.name = "encoder.layer.0.query", .shape = {8, 6}, .tensor_dim = 0, .stages = on(0, 3)},
          {.name = "encoder.layer.0.output", .shape = {6, 8}, .tensor_dim = 1, .stages = on(1, 3)},
          {.name = "decoder.layer.0.gate", .shape = {2, 12, 5}, .tensor_dim = 1, .stages = on(2, 3)},
          {.name = "decoder.scale", .shape = {}, .stages = on(2, 3)}};
}

std::vector<std::byte> stored_values(size_t tensor, Role role, const Shape& shape, const Slice& slice) {
  std::vector<std::byte> bytes;
  for_each_element(shape, slice, [&](int64_t flat) {
    const uint32_t value = value_at(tensor, role, flat);
    const auto* first = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), first, first + sizeof value);
  });
  return bytes;
}

std::vector<std::byte> stored_values(size_t tensor, Role role, const Shape& shape,
                                     const layout::BoxRange& range) {
  std::vector<std::byte> bytes;
  for (const layout::RangeBox& box : boxes_of(range)) {
    const std::vector<std::byte> part = stored_values(tensor, role, shape, box.box);
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

StoredState state_of(const StoredLayout& layout, int rank) { return StateBuilder(layout, rank).build(); }

StepDescription described_step(int64_t step, const StoredLayout& layout) {
  return {.run_id = "0123456789abcdef0123456789abcdef",
          .generation = 2,
          .step = step,
          .code_version = "1.2-3-gabcdef",
          .config = {{"model", {{"heads", 4}, {"dropout", 0.1}}}, {"text", "中文"}},
          .mesh = layout.mesh,
          .next_sample = 4800,
          .samples = {1000, 7},
          .optimizer_updates = step,
          .skipped_in_a_row = std::min<int64_t>(step, 1),
          .seed = 18446744073709551615u,
          .tokenizer =
              TokenizerFacts{.pad = 0, .eos = 1, .first_sentinel = 36, .sentinel_count = 4, .hash = "ab12"},
          .validation_loss = 2.125,
          .roles = {{.role = Role::kParameter}, {.role = Role::kMoment1}, {.role = Role::kMoment2}}};
}

std::filesystem::path save_model(const std::filesystem::path& folder, const StepDescription& description,
                                 const StoredLayout& layout) {
  std::filesystem::path step_folder;
  const auto thrown = run_ranks(layout::Mesh(layout.mesh).size(), [&](ThreadRank& rank) {
    const StoredState state = state_of(layout, rank.rank());
    const auto path = save_step({.folder = folder,
                                 .description = description,
                                 .tensors = stored_tensors(layout.mesh.pipeline),
                                 .chunk_bytes = layout.chunk_bytes},
                                state.pieces, rank);
    if (rank.rank() == 0) step_folder = path;
  });
  if (thrown[0]) std::rethrow_exception(thrown[0]);
  return step_folder;
}

}  // namespace tandem::checkpoint
