// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tandem/comm/rendezvous.h"
#include "tandem/layout/mesh.h"
#include "tandem/layout/state_parts.h"
#include "tandem/model/encoder_decoder.h"
#include "tandem/parallel/bucket_storage.h"
#include "tandem/parallel/gradient_reducer.h"
#include "tandem/parallel/pipeline_executor.h"
#include "tandem/parallel/sharded_optimizer.h"
#include "tandem/train/model_stage.h"
#include "tandem/train/run_config.h"

namespace tandem::train {

/// What one training step did. The same on all ranks.
struct StepResult {
  double loss = 0;           ///< nats, mean over the global batch's target tokens
  double gradient_norm = 0;  ///< of the whole model, before clipping
  int64_t target_tokens = 0;
  int64_t source_tokens = 0;
  /// Why no weight was changed: which tensors on which ranks were not finite. Unset when the step was taken.
  std::optional<std::string> skipped;
};

/// A micro-batch of held-out rows of one name.
struct EvaluationBatch {
  model::Batch batch;
  size_t name = 0;  ///< the place of its figures in what an evaluation returns
};

/// Sum of the losses over held-out rows, and the tokens it covers.
struct EvaluationResult {
  double loss_sum = 0;
  int64_t target_tokens = 0;

  EvaluationResult& operator+=(const EvaluationResult& other);
  /// Returns the mean loss of a token, 0 without any.
  double mean() const;
};

/// One rank's share of the model, its gradients and its optimizer state, and how a step runs on it: the place
/// where model, parallel and schedule meet. One path for one rank and for a thousand. All ranks of the world
/// call everything together.
class ShardedModel {
 public:
  /// Lays out the model on the mesh of config.parallel and fills it with its initial values. Joins the
  /// groups: communicates. A bucket of gradients is closed once it holds `max_bucket_elements`.
  ShardedModel(const RunConfig& config, const comm::World& world,
               int64_t max_bucket_elements = layout::BucketRules{}.max_elements);

  /// Takes one step (number `step`, from 0, for dropout) on this data rank's micro-batches: forward and
  /// backward over the pipeline, gradients summed over the job, clipped, AdamW. Every rank of one data
  /// coordinate passes equal batches. A loss or gradient that is not finite changes nothing.
  StepResult train_step(int64_t step, std::vector<model::Batch> micro_batches, double learning_rate);

  /// Runs forward alone, without dropout, and returns the sums of each name, names being below `num_names`.
  /// Data ranks may pass different numbers of micro-batches, also none. All-reduces of 8 bytes a name in the
  /// data group and in the world.
  std::vector<EvaluationResult> evaluate(std::vector<EvaluationBatch> micro_batches, size_t num_names);

  const layout::Mesh& mesh() const { return mesh_; }
  const layout::MeshCoordinate& coordinate() const { return coordinate_; }
  const comm::MeshGroups& groups() const { return groups_; }
  /// Returns for each set of stages that share a tensor the group of its holders.
  const parallel::SharedGroups& shared_groups() const { return shared_groups_; }
  const std::vector<layout::TensorSpec>& table() const { return storage_->specs(); }
  /// Returns where the optimizer's state lies on all ranks.
  const layout::StateLayout& state_layout() const { return state_layout_; }
  const std::vector<schedule::StageLayers>& stages() const { return stages_; }
  parallel::BucketStorage& storage() { return *storage_; }
  parallel::ShardedOptimizer& optimizer() { return *optimizer_; }

 private:
  parallel::SharedGroups make_shared_groups(const comm::World& world) const;
  void fill_initial();
  std::vector<double> sum_losses(std::vector<double> own) const;
  std::string describe_non_finite(double loss) const;
  const std::vector<schedule::Action>& own_actions(const schedule::ProgramUse& use);

  const RunConfig config_;
  layout::Mesh mesh_;
  layout::MeshCoordinate coordinate_;
  comm::MeshGroups groups_;
  std::vector<schedule::StageLayers> stages_;
  layout::StateLayout state_layout_;
  std::unique_ptr<parallel::BucketStorage> storage_;
  parallel::SharedGroups shared_groups_;
  std::unique_ptr<parallel::GradientReducer> reducer_;
  std::unique_ptr<parallel::ShardedOptimizer> optimizer_;
  model::Parameters parameters_;
  std::unique_ptr<model::EncoderDecoder> model_;
  std::unique_ptr<ModelStage> stage_;
  std::unique_ptr<parallel::PipelineExecutor> executor_;
  std::map<schedule::ProgramUse, std::vector<schedule::Action>> actions_;  // of this rank's stage
};

/// Returns the compute and accumulation types of a precision.
parallel::StorageTypes storage_types(Precision precision);

}  // namespace tandem::train
