// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/sharded_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include "tandem/base/error.h"
#include "tandem/model/initialize.h"
#include "tandem/model/tensor_table.h"
#include "tandem/parallel/gradient_norm.h"
#include "tandem/schedule/schedule.h"
#include "tandem/train/run_layout.h"

namespace tandem::train {

namespace {

int as_int(int64_t value) { return static_cast<int>(value); }

schedule::Program make_program(schedule::Purpose purpose, parallel::Schedule training,
                               const schedule::ProgramShape& shape) {
  if (purpose == schedule::Purpose::kEvaluation) return schedule::make_forward_only(shape);
  return training == parallel::Schedule::kGpipe ? schedule::make_gpipe(shape) : schedule::make_1f1b(shape);
}

int64_t count_labels(const model::Batch& batch) {
  return batch.labels_BT.ne(model::Batch::kNoLabel).sum().item<int64_t>();
}

}  // namespace

EvaluationResult& EvaluationResult::operator+=(const EvaluationResult& other) {
  loss_sum += other.loss_sum;
  target_tokens += other.target_tokens;
  return *this;
}

double EvaluationResult::mean() const {
  return loss_sum / static_cast<double>(std::max<int64_t>(1, target_tokens));
}

parallel::StorageTypes storage_types(Precision precision) {
  switch (precision) {
    case Precision::kBf16:
      return {.compute = at::kBFloat16, .accumulation = at::kFloat};
    case Precision::kFp64:
      return {.compute = at::kDouble, .accumulation = at::kDouble};
    case Precision::kFp32:
      break;
  }
  return {.compute = at::kFloat, .accumulation = at::kFloat};
}

ShardedModel::ShardedModel(const RunConfig& config, const comm::World& world, int64_t max_bucket_elements)
    : config_(config),
      mesh_(mesh_extent(config.parallel)),
      coordinate_(mesh_.coordinate_of(world.rank())),
      groups_(comm::make_mesh_groups(world, mesh_)),
      stages_(stages_of(config)),
      state_layout_{.table = model::tensor_table(config.model, stages_),
                    .mesh = mesh_,
                    .max_bucket_elements = max_bucket_elements} {
  const int stage = coordinate_.pipeline;
  const parallel::StorageTypes types = storage_types(config.train.precision);
  const std::vector<layout::TensorSpec>& table = state_layout_.table;
  storage_ = std::make_unique<parallel::BucketStorage>(table, stage, state_layout_.bucket_rules(), types);
  shared_groups_ = make_shared_groups(world);
  reducer_ = std::make_unique<parallel::GradientReducer>(*storage_, groups_.data, shared_groups_);
  optimizer_ = std::make_unique<parallel::ShardedOptimizer>(
      *storage_, groups_.data, config.optimizer,
      config.parallel.sharded_optimizer ? parallel::Sharding::kSharded : parallel::Sharding::kReplicated);
  for (size_t i = 0; i < table.size(); ++i) {
    if (!table[i].is_on(stage)) continue;
    model::Parameter& parameter = parameters_.add(table[i]);
    parameter.value = storage_->value(i).detach().requires_grad_(true);
    parameter.gradient = storage_->gradient(i);
    parameter.on_settled = [this, i] { reducer_->settle(i); };
  }
  model_ = std::make_unique<model::EncoderDecoder>(config.model, stages_[static_cast<size_t>(stage)],
                                                   parameters_, groups_.tensor);
  stage_ =
      std::make_unique<ModelStage>(*model_, config.model, stages_, stage, types.compute, types.accumulation);
  executor_ = std::make_unique<parallel::PipelineExecutor>(groups_.pipeline, *stage_);
  fill_initial();
}

parallel::SharedGroups ShardedModel::make_shared_groups(const comm::World& world) const {
  parallel::SharedGroups groups;
  for (const layout::TensorSpec& spec : storage_->specs()) {
    if (!spec.is_shared() || !spec.is_on(coordinate_.pipeline) || groups.contains(spec.stages)) continue;
    std::vector<int> ranks;
    for (const int stage : spec.stages) {
      layout::MeshCoordinate holder = coordinate_;
      holder.pipeline = stage;
      ranks.push_back(mesh_.rank_of(holder));
    }
    groups.emplace(spec.stages, world.make_group("shared", ranks));
  }
  return groups;
}

void ShardedModel::fill_initial() {
  for (size_t bucket = 0; bucket < storage_->buckets().size(); ++bucket) {
    const at::Tensor shard = optimizer_->shard(parallel::State::kMaster, bucket);
    for (const layout::ShardSegment& segment :
         layout::shard_segments(storage_->buckets()[bucket], coordinate_.data)) {
      const at::Tensor values =
          model::initial_values(table()[segment.tensor], static_cast<uint64_t>(config_.train.seed),
                                coordinate_.tensor, mesh_.extent().tensor, storage_->types().accumulation);
      shard.narrow(0, segment.shard_offset, segment.num_elements)
          .copy_(values.flatten().narrow(0, segment.tensor_offset, segment.num_elements));
    }
  }
  optimizer_->publish();
}

// The last stage's tensor ranks all hold the loss of their data rank: one of them counts.
std::vector<double> ShardedModel::sum_losses(std::vector<double> own) const {
  if (coordinate_.tensor != 0) std::fill(own.begin(), own.end(), 0.0);
  const at::Tensor sums = at::tensor(own, at::kDouble);
  groups_.world.all_reduce(sums);
  return {sums.data_ptr<double>(), sums.data_ptr<double>() + sums.numel()};
}

std::string ShardedModel::describe_non_finite(double loss) const {
  const auto own = parallel::non_finite_gradients(*storage_, coordinate_);
  std::string text;
  const std::vector<std::string> all = groups_.world.all_gather_text(fmt::format("{}", fmt::join(own, ", ")));
  for (size_t rank = 0; rank < all.size(); ++rank)
    if (!all[rank].empty()) text += fmt::format("{}rank {}: {}", text.empty() ? "" : "; ", rank, all[rank]);
  return fmt::format("{} is not finite ({})", std::isfinite(loss) ? "gradient" : "loss",
                     text.empty() ? "no gradient" : text);
}

// A program is made, and checked, once for each number of micro-batches.
const std::vector<schedule::Action>& ShardedModel::own_actions(const schedule::ProgramUse& use) {
  const auto known = actions_.find(use);
  if (known != actions_.end()) return known->second;
  const schedule::Program program =
      make_program(use.purpose, config_.parallel.schedule,
                   {.num_stages = mesh_.extent().pipeline, .num_micro_batches = use.num_micro_batches});
  schedule::require_faultless(program, use);
  return actions_.emplace(use, program[static_cast<size_t>(coordinate_.pipeline)]).first->second;
}

StepResult ShardedModel::train_step(int64_t step, std::vector<model::Batch> micro_batches,
                                    double learning_rate) {
  int64_t target_tokens = 0, source_tokens = 0;
  for (const model::Batch& batch : micro_batches) {
    target_tokens += count_labels(batch);
    source_tokens += batch.source_lengths.sum().item<int64_t>();
  }
  const at::Tensor counts = at::tensor({target_tokens, source_tokens}, at::kLong);
  groups_.data.all_reduce(counts);
  StepResult result{.target_tokens = counts[0].item<int64_t>(), .source_tokens = counts[1].item<int64_t>()};

  const auto& actions =
      own_actions({.purpose = schedule::Purpose::kTraining,
                   .num_micro_batches = as_int(static_cast<int64_t>(micro_batches.size()))});
  const double scale = result.target_tokens > 0 ? 1.0 / static_cast<double>(result.target_tokens) : 0;
  stage_->begin(std::move(micro_batches),
                {.probability = config_.model.dropout,
                 .seed = static_cast<uint64_t>(config_.train.seed),
                 .step = static_cast<uint64_t>(step),
                 .rows = {}},
                scale);
  reducer_->begin_step();
  const std::vector<double> own = executor_->run(actions, [&] { reducer_->begin_last_backward(); });
  reducer_->finish();
  result.loss = sum_losses({std::accumulate(own.begin(), own.end(), 0.0)})[0];

  result.gradient_norm = parallel::gradient_norm(*storage_, coordinate_, groups_.world);
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    result.skipped = describe_non_finite(result.loss);
    return result;
  }
  const double limit = config_.optimizer.clip_norm;
  if (limit > 0 && result.gradient_norm > limit)
    parallel::scale_gradients(*storage_, coordinate_, limit / result.gradient_norm);
  optimizer_->step(learning_rate);
  return result;
}

std::vector<EvaluationResult> ShardedModel::evaluate(std::vector<EvaluationBatch> micro_batches,
                                                     size_t num_names) {
  std::vector<double> losses(num_names, 0.0);
  std::vector<int64_t> tokens(num_names, 0);
  std::vector<size_t> names;
  std::vector<model::Batch> batches;
  for (EvaluationBatch& micro_batch : micro_batches) {
    tokens.at(micro_batch.name) += count_labels(micro_batch.batch);
    names.push_back(micro_batch.name);
    batches.push_back(std::move(micro_batch.batch));
  }
  if (!batches.empty()) {
    const auto& actions = own_actions({.purpose = schedule::Purpose::kEvaluation,
                                       .num_micro_batches = as_int(static_cast<int64_t>(batches.size()))});
    stage_->begin(std::move(batches), {}, 1);
    const std::vector<double> own = executor_->run(actions);
    for (size_t i = 0; i < own.size(); ++i) losses[names[i]] += own[i];
  }
  const at::Tensor all_tokens = at::tensor(tokens, at::kLong);
  groups_.data.all_reduce(all_tokens);
  losses = sum_losses(std::move(losses));
  std::vector<EvaluationResult> results;
  for (size_t name = 0; name < num_names; ++name)
    results.push_back({.loss_sum = losses[name], .target_tokens = all_tokens.data_ptr<int64_t>()[name]});
  return results;
}

}  // namespace tandem::train
