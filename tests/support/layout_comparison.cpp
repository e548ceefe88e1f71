// SPDX-License-Identifier: Apache-2.0
#include "tests/support/layout_comparison.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/ranges.h>

#include "tandem/base/error.h"
#include "tandem/base/random.h"
#include "tandem/train/batch.h"

namespace tandem::testing {

namespace {

constexpr data::SpecialIds kIds{.vocabulary = 37};

// A region of a global tensor as a view.
at::Tensor region(at::Tensor tensor, const layout::Slice& slice) {
  for (size_t dim = 0; dim < slice.offset.size(); ++dim)
    tensor = tensor.narrow(static_cast<int64_t>(dim), slice.offset[dim], slice.extent[dim]);
  return tensor;
}

// Calls visit(spec, box, values) for each piece of the model in this rank's own parts; `flat` gives a
// bucket's part.
template <typename Flat, typename Visit>
void for_each_piece(train::ShardedModel& model, const Flat& flat, const Visit& visit) {
  const auto& buckets = model.storage().buckets();
  for (size_t bucket = 0; bucket < buckets.size(); ++bucket) {
    const at::Tensor shard = flat(bucket);
    for (const layout::ShardSegment& segment :
         layout::shard_segments(buckets[bucket], model.coordinate().data)) {
      const layout::TensorSpec& spec = model.table()[segment.tensor];
      for (const layout::PlacedBox& box :
           layout::placed_boxes(spec, model.coordinate().tensor, model.mesh().extent().tensor,
                                segment.tensor_offset, segment.num_elements)) {
        const int64_t start = segment.shard_offset + box.local_offset - segment.tensor_offset;
        visit(spec, box.global, shard.narrow(0, start, box.global.num_elements()).view(box.global.extent));
      }
    }
  }
}

at::Tensor gradients_of(train::ShardedModel& model, size_t bucket) {
  return model.storage().shard_gradients(bucket, model.coordinate().data);
}

std::map<std::string, at::Tensor> whole_tensors(train::ShardedModel& model, bool gradients) {
  std::map<std::string, at::Tensor> tensors;
  for (const layout::TensorSpec& spec : model.table())
    tensors[spec.name] = at::zeros(spec.shape, model.storage().types().accumulation);
  for_each_piece(
      model,
      [&](size_t bucket) {
        return gradients ? gradients_of(model, bucket)
                         : model.optimizer().shard(parallel::State::kMaster, bucket);
      },
      [&](const layout::TensorSpec& spec, const layout::Slice& box, const at::Tensor& values) {
        region(tensors[spec.name], box).copy_(values);
      });
  return tensors;
}

// Largest difference of this rank's pieces, relative to each whole tensor's largest value; counts the
// elements owned.
struct PieceComparison {
  double worst = 0;
  std::string where;
  int64_t owned = 0;

  void add(train::ShardedModel& model, const std::map<std::string, at::Tensor>& expected,
           const layout::TensorSpec& spec, const layout::Slice& box, const at::Tensor& values) {
    const at::Tensor& whole = expected.at(spec.name);
    const double largest = std::max(whole.abs().max().item<double>(), 1e-300);
    const double difference = (region(whole, box) - values).abs().max().item<double>() / largest;
    // NaN compares false: it must count as a difference.
    if (!(difference <= worst)) worst = std::isnan(difference) ? INFINITY : difference, where = spec.name;
    const bool replica = spec.tensor_dim == layout::TensorSpec::kReplicated && model.coordinate().tensor != 0;
    if (spec.owner_stage() == model.coordinate().pipeline && !replica) owned += box.num_elements();
  }
};

// FNV-1a over the bytes.
uint64_t hash_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous();
  const auto* bytes = static_cast<const unsigned char*>(flat.data_ptr());
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < flat.nbytes(); ++i) hash = (hash ^ bytes[i]) * 1099511628211u;
  return hash;
}

// Lines "what hash" of all that this rank holds, `what` naming the part of the model: whole local tensors of
// values, and pieces of the optimizer's state.
std::string hashes_of(train::ShardedModel& model) {
  std::string lines;
  const int tensor_ranks = model.mesh().extent().tensor;
  for (size_t i = 0; i < model.table().size(); ++i) {
    const layout::TensorSpec& spec = model.table()[i];
    if (!spec.is_on(model.coordinate().pipeline)) continue;
    const layout::Slice slice = layout::local_slice(spec, model.coordinate().tensor, tensor_ranks);
    lines += fmt::format("value:{}:{} {}\n", spec.name, fmt::join(slice.offset, ","),
                         hash_of(model.storage().value(i)));
  }
  for (const auto state : {parallel::State::kMaster, parallel::State::kMoment1, parallel::State::kMoment2})
    for_each_piece(
        model, [&](size_t bucket) { return model.optimizer().shard(state, bucket); },
        [&](const layout::TensorSpec& spec, const layout::Slice& box, const at::Tensor& values) {
          lines += fmt::format("state{}:{}:{}:{} {}\n", static_cast<int>(state), spec.name,
                               fmt::join(box.offset, ","), fmt::join(box.extent, ","), hash_of(values));
        });
  return lines;
}

// Data ranks hold equal values, tensor ranks equal replicated tensors, the holders of a shared tensor equal
// copies of it. Returns the first that is not so.
std::string find_unequal_replica(train::ShardedModel& model) {
  std::map<std::string, std::string> seen;
  for (const std::string& lines : model.groups().world.all_gather_text(hashes_of(model))) {
    std::istringstream stream(lines);
    for (std::string what, hash; stream >> what >> hash;)
      if (seen.emplace(what, hash).first->second != hash) return what;
  }
  return {};
}

double max_over(const comm::Group& world, double value) {
  at::Tensor max = at::full({1}, value, at::kDouble);
  world.all_reduce(max, comm::Reduce::kMax);
  return max.item<double>();
}

// Largest difference of a name's sum, relative to it.
double compare_evaluation(const std::vector<train::EvaluationResult>& results,
                          const std::vector<train::EvaluationResult>& expected) {
  double worst = results.size() == expected.size() ? 0 : INFINITY;
  for (size_t name = 0; name < std::min(results.size(), expected.size()); ++name) {
    const double difference = std::abs(results[name].loss_sum - expected[name].loss_sum) /
                              std::max(expected[name].loss_sum, 1e-300);
    // NaN compares false: it must count as a difference.
    if (!(difference <= worst)) worst = std::isnan(difference) ? INFINITY : difference;
    if (results[name].target_tokens != expected[name].target_tokens) worst = INFINITY;
  }
  return worst;
}

}  // namespace

train::RunConfig small_run(model::Positions positions, train::Precision precision) {
  train::RunConfig config;
  config.run_directory = "unused";
  config.model = {.encoder_layers = 4,
                  .decoder_layers = 4,
                  .hidden = 16,
                  .heads = 4,
                  .head_dim = 6,
                  .feed_forward = 24,
                  .vocabulary = kIds.vocabulary,
                  .positions = positions,
                  .dropout = 0.1,
                  .relative_buckets = 8,
                  .relative_distance = 10};
  config.data.source_length = 9;
  config.data.target_length = 7;
  config.optimizer.learning_rate = 1e-3;
  // Gradients that are zero but for rounding would become updates of their own with the usual 1e-8:
  // regrouping micro-batches on one rank then differs by 5e-12 after five steps at 8 + 8 layers, with this by
  // 4e-14.
  config.optimizer.epsilon = 1e-3;
  config.optimizer.clip_norm = 0.3;
  config.train.global_batch = 8;
  config.train.micro_batch = 2;
  config.train.steps = 5;
  config.train.seed = 11;
  config.train.precision = precision;
  return config;
}

data::Sample invented_sample(const train::RunConfig& config, int64_t step, int64_t row) {
  const CounterRandom random(99, "sample", step, row);
  data::Sample sample{.source = {}, .target = {}, .id = static_cast<uint64_t>(row)};
  const auto draw_ids = [&](std::vector<int32_t>& ids, uint64_t place, uint64_t length) {
    for (uint64_t i = 0; i < length; ++i)
      ids.push_back(
          static_cast<int32_t>(random.split(place).below(i, static_cast<uint64_t>(config.model.vocabulary))));
  };
  draw_ids(sample.source, 1, 1 + random.below(0, static_cast<uint64_t>(config.data.source_length)));
  // Rows 2 and 3 of odd steps have no target: with two rows a micro-batch, a whole one has no token to
  // predict.
  const bool empty = step % 2 == 1 && (row == 2 || row == 3);
  draw_ids(sample.target, 2,
           empty ? 0 : random.below(1, static_cast<uint64_t>(config.data.target_length) + 1));
  return sample;
}

std::vector<model::Batch> micro_batches(const train::RunConfig& config, int64_t step, int data_rank) {
  const int64_t rows = config.train.global_batch / config.parallel.data, size = *config.train.micro_batch;
  std::vector<model::Batch> batches;
  for (int64_t first = data_rank * rows; first < (data_rank + 1) * rows; first += size) {
    std::vector<data::Sample> samples;
    for (int64_t row = first; row < first + size; ++row)
      samples.push_back(invented_sample(config, step, row));
    batches.push_back(train::make_batch(samples, first, kIds));
  }
  return batches;
}

std::vector<train::EvaluationBatch> held_out_batches(const train::RunConfig& config, int data_rank,
                                                     int data_ranks) {
  constexpr int64_t kStep = 1001, kRows = 7, kRowsABatch = 3;
  std::vector<train::EvaluationBatch> batches;
  for (int64_t first = 0; first < kRows; first += kRowsABatch) {
    if (first / kRowsABatch % data_ranks != data_rank) continue;
    std::vector<data::Sample> samples;
    for (int64_t row = first; row < std::min(kRows, first + kRowsABatch); ++row)
      samples.push_back(invented_sample(config, kStep, row));
    batches.push_back({.batch = train::make_batch(samples, first, kIds),
                       .name = static_cast<size_t>(first / kRowsABatch % 2)});
  }
  return batches;
}

Reference run_reference(train::RunConfig config, int num_steps, Grouping grouping) {
  config.parallel = {};
  if (grouping == Grouping::kWhole) config.train.micro_batch = config.train.global_batch;
  at::set_num_threads(1);  // as the ranks do
  train::ShardedModel model(config, comm::World::alone());
  Reference reference;
  for (int64_t step = 0; step < num_steps; ++step) {
    const train::StepResult result =
        model.train_step(step, micro_batches(config, step, 0), config.optimizer.learning_rate);
    TANDEM_CHECK(result.gradient_norm > config.optimizer.clip_norm,
                 "gradient norm {} of step {} is not clipped to {}", result.gradient_norm, step,
                 config.optimizer.clip_norm);
    reference.losses.push_back(result.loss);
    reference.gradient_norms.push_back(result.gradient_norm);
    reference.gradients.push_back(whole_tensors(model, true));
    reference.parameters.push_back(whole_tensors(model, false));
  }
  reference.evaluation = model.evaluate(held_out_batches(config, 0, 1), kHeldOutNames);
  return reference;
}

Differences compare_layout(const train::RunConfig& config, const comm::World& world,
                           const Reference& reference) {
  train::ShardedModel model(config, world);
  PieceComparison gradient, parameter;
  double loss = 0, norm = 0;
  for (size_t step = 0; step < reference.losses.size(); ++step) {
    const auto number = static_cast<int64_t>(step);
    const train::StepResult result = model.train_step(
        number, micro_batches(config, number, model.coordinate().data), config.optimizer.learning_rate);
    loss = std::max(loss, std::abs(result.loss / reference.losses[step] - 1));
    norm = std::max(norm, std::abs(result.gradient_norm / reference.gradient_norms[step] - 1));
    if (!std::isfinite(result.loss) || result.skipped) loss = INFINITY;
    for_each_piece(
        model, [&](size_t bucket) { return gradients_of(model, bucket); },
        [&](const auto& spec, const auto& box, const at::Tensor& values) {
          gradient.add(model, reference.gradients[step], spec, box, values);
        });
    for_each_piece(
        model, [&](size_t bucket) { return model.optimizer().shard(parallel::State::kMaster, bucket); },
        [&](const auto& spec, const auto& box, const at::Tensor& values) {
          parameter.add(model, reference.parameters[step], spec, box, values);
        });
  }
  const double evaluation = compare_evaluation(
      model.evaluate(held_out_batches(config, model.coordinate().data, model.mesh().extent().data),
                     kHeldOutNames),
      reference.evaluation);
  int64_t elements = 0;
  for (const layout::TensorSpec& spec : model.table()) elements += layout::num_elements(spec.shape);
  at::Tensor owned = at::full({1}, parameter.owned, at::kLong);
  const comm::Group& all = model.groups().world;
  all.all_reduce(owned);
  return {.loss = max_over(all, loss),
          .norm = max_over(all, norm),
          .gradient = max_over(all, gradient.worst),
          .parameter = max_over(all, parameter.worst),
          .evaluation = max_over(all, evaluation),
          .worst_gradient = gradient.where,
          .unequal_replica = find_unequal_replica(model),
          .covers_model = owned.item<int64_t>() == elements * static_cast<int64_t>(reference.losses.size())};
}

}  // namespace tandem::testing
