// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/model_stage.h"

#include <ATen/ATen.h>

#include "tandem/base/error.h"

namespace tandem::train {

using schedule::BundleTensor;

ModelStage::ModelStage(const model::EncoderDecoder& model, const model::ModelConfig& config,
                       const std::vector<schedule::StageLayers>& stages, int stage, at::ScalarType compute,
                       at::ScalarType accumulation)
    : model_(model),
      hidden_(config.hidden),
      compute_(compute),
      accumulation_(accumulation),
      bundle_before_(stage == 0 ? std::vector<BundleTensor>{} : schedule::bundle_after(stages, stage - 1)),
      bundle_after_(schedule::bundle_after(stages, stage)),
      is_last_(static_cast<size_t>(stage) + 1 == stages.size()) {}

void ModelStage::begin(std::vector<model::Batch> micro_batches, const model::DropoutSource& dropout,
                       double loss_scale) {
  micro_batches_ = std::move(micro_batches);
  dropout_ = dropout;
  loss_scale_ = loss_scale;
}

std::vector<parallel::BorderTensor> ModelStage::border(const std::vector<BundleTensor>& bundle,
                                                       int micro_batch) const {
  const model::Batch& batch = micro_batches_.at(static_cast<size_t>(micro_batch));
  std::vector<parallel::BorderTensor> tensors;
  for (const BundleTensor& tensor : bundle) {
    const at::Tensor& ids = tensor.rows == BundleTensor::Rows::kSource ? batch.source_BS : batch.decoder_BT;
    const bool joins = tensor.gradient == BundleTensor::Gradient::kAccumulation;
    tensors.push_back({.name = schedule::to_string(tensor.name),
                       .shape = {ids.size(0), ids.size(1), hidden_},
                       .value_type = compute_,
                       .gradient_type = joins ? accumulation_ : compute_});
  }
  return tensors;
}

std::vector<parallel::BorderTensor> ModelStage::incoming(int micro_batch) const {
  return border(bundle_before_, micro_batch);
}

std::vector<parallel::BorderTensor> ModelStage::outgoing(int micro_batch) const {
  return border(bundle_after_, micro_batch);
}

std::vector<at::Tensor> ModelStage::forward(int micro_batch, const std::vector<at::Tensor>& incoming) {
  TANDEM_CHECK(incoming.size() == bundle_before_.size());
  model::Batch batch = micro_batches_.at(static_cast<size_t>(micro_batch));
  model::DropoutSource dropout = dropout_;
  dropout.rows = batch.rows;
  model::StageTensors in;
  for (size_t i = 0; i < incoming.size(); ++i)
    (bundle_before_[i].name == BundleTensor::Name::kHidden ? in.hidden : in.memory) = incoming[i];
  const model::StageTensors out = model_.forward(batch, in, dropout);
  if (is_last_) return {model_.loss(batch, out.hidden, loss_scale_)};
  std::vector<at::Tensor> outgoing;
  for (const BundleTensor& tensor : bundle_after_)
    outgoing.push_back(tensor.name == BundleTensor::Name::kHidden ? out.hidden : out.memory);
  return outgoing;
}

}  // namespace tandem::train
