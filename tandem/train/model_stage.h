// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tandem/model/encoder_decoder.h"
#include "tandem/parallel/stage.h"
#include "tandem/schedule/stages.h"

namespace tandem::train {

/// The model's part on one rank, as the pipeline executor sees it: names of the border's declaration become
/// positions here, and nowhere else.
class ModelStage final : public parallel::Stage {
 public:
  /// The model must outlive this. `stages` is the whole pipeline's split, `stage` this rank's place in it.
  ModelStage(const model::EncoderDecoder& model, const model::ModelConfig& config,
             const std::vector<schedule::StageLayers>& stages, int stage, at::ScalarType compute,
             at::ScalarType accumulation);

  /// Sets what the next run works on. Losses are sums over tokens times `loss_scale`.
  void begin(std::vector<model::Batch> micro_batches, const model::DropoutSource& dropout, double loss_scale);
  int num_micro_batches() const { return static_cast<int>(micro_batches_.size()); }

  std::vector<parallel::BorderTensor> incoming(int micro_batch) const override;
  std::vector<parallel::BorderTensor> outgoing(int micro_batch) const override;
  std::vector<at::Tensor> forward(int micro_batch, const std::vector<at::Tensor>& incoming) override;

 private:
  std::vector<parallel::BorderTensor> border(const std::vector<schedule::BundleTensor>& bundle,
                                             int micro_batch) const;

  const model::EncoderDecoder& model_;
  int64_t hidden_;
  at::ScalarType compute_;
  at::ScalarType accumulation_;
  std::vector<schedule::BundleTensor> bundle_before_;
  std::vector<schedule::BundleTensor> bundle_after_;
  bool is_last_;
  std::vector<model::Batch> micro_batches_;
  model::DropoutSource dropout_;
  double loss_scale_ = 1;
};

}  // namespace tandem::train
