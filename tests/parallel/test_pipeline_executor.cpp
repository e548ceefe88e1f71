// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "tandem/base/error.h"
#include "tandem/parallel/pipeline_executor.h"
#include "tests/support/run_ranks.h"

namespace tandem::parallel {
namespace {

// Stage s multiplies by its weight and hands a second tensor on, which every stage adds: loss = sum over
// stages' products.
class ToyStage : public Stage {
 public:
  ToyStage(int stage, int num_stages) : stage_(stage), num_stages_(num_stages) {
    weight = at::full({}, 0.5 + stage, at::kDouble).requires_grad_(true);
  }
  std::vector<BorderTensor> incoming(int) const override { return border(stage_ > 0); }
  std::vector<BorderTensor> outgoing(int) const override { return border(stage_ + 1 < num_stages_); }
  std::vector<at::Tensor> forward(int micro_batch, const std::vector<at::Tensor>& in) override {
    const at::Tensor skip = stage_ == 0 ? at::full({2}, micro_batch + 1.0, at::kDouble) * weight : in[1];
    const at::Tensor x = stage_ == 0 ? skip * 2 : in[0] * weight + skip;
    if (stage_ + 1 == num_stages_) return {(x * x).sum()};
    return {x, skip};
  }
  at::Tensor weight;

 private:
  std::vector<BorderTensor> border(bool exists) const {
    const BorderTensor tensor{
        .name = "x", .shape = {2}, .value_type = at::kDouble, .gradient_type = at::kDouble};
    BorderTensor skip = tensor;
    skip.name = "skip";
    return exists ? std::vector{tensor, skip} : std::vector<BorderTensor>{};
  }
  int stage_, num_stages_;
};

// Loses the gradient of the tensor that is handed on, as a stage does that forgets one of its consumers.
class ForgetfulStage final : public ToyStage {
 public:
  using ToyStage::ToyStage;
  std::vector<at::Tensor> forward(int micro_batch, const std::vector<at::Tensor>& in) override {
    return ToyStage::forward(micro_batch, {in[0], micro_batch == 1 ? in[1].detach() : in[1]});
  }
};

// The loss of each micro-batch, and gradients of all, by the same computation in one graph.
std::pair<std::vector<double>, std::vector<double>> reference(int num_stages, int num_micro_batches) {
  std::vector<at::Tensor> weights;
  for (int s = 0; s < num_stages; ++s)
    weights.push_back(at::full({}, 0.5 + s, at::kDouble).requires_grad_(true));
  at::Tensor loss = at::zeros({}, at::kDouble);
  std::vector<double> losses;
  for (int i = 0; i < num_micro_batches; ++i) {
    const at::Tensor skip = at::full({2}, i + 1.0, at::kDouble) * weights[0];
    at::Tensor x = skip * 2;
    for (int s = 1; s < num_stages; ++s) x = x * weights[static_cast<size_t>(s)] + skip;
    loss = loss + (x * x).sum();
    losses.push_back((x * x).sum().item<double>());
  }
  torch::autograd::backward({loss}, {});
  std::vector<double> gradients;
  for (const at::Tensor& w : weights) gradients.push_back(w.grad().item<double>());
  return {losses, gradients};
}

TEST(PipelineExecutor, EverySchedulesGradientsAreThoseOfOneGraph) {
  for (const int stages : {1, 2, 3, 4})
    for (const int micro_batches : {1, 3, 6})
      for (const bool gpipe : {false, true}) {
        const auto [losses, gradients] = reference(stages, micro_batches);
        testing::run_ranks(stages, [&, &expected_losses = losses,
                                    &expected = gradients](const comm::World& world) {
          const comm::Group pipeline = world.make_group("pipeline", world.all_ranks());
          ToyStage stage(world.rank(), world.size());
          PipelineExecutor executor(pipeline, stage);
          const schedule::ProgramShape shape{.num_stages = world.size(), .num_micro_batches = micro_batches};
          const schedule::Program program = gpipe ? schedule::make_gpipe(shape) : schedule::make_1f1b(shape);
          int armed = 0;
          const std::vector<double> own =
              executor.run(program[static_cast<size_t>(world.rank())], [&] { ++armed; });
          EXPECT_EQ(armed, 1);
          const bool is_last = world.rank() + 1 == world.size();
          ASSERT_EQ(own.size(), is_last ? expected_losses.size() : 0);
          for (size_t i = 0; i < own.size(); ++i)
            EXPECT_NEAR(own[i], expected_losses[i], 1e-12 * expected_losses[i]);
          const double gradient = expected[static_cast<size_t>(world.rank())];
          EXPECT_NEAR(stage.weight.grad().item<double>(), gradient, 1e-12 * std::abs(gradient));
          const auto forward = schedule::make_forward_only(shape);
          const std::vector<double> again = executor.run(forward[static_cast<size_t>(world.rank())]);
          EXPECT_EQ(again, own);
        });
      }
}

// The last stage, where its error is, ends; so do the others, which hear nothing more of it.
TEST(PipelineExecutor, MissingGradientIsAnErrorAndEveryRankEnds) {
  std::vector<std::string> errors(3);
  testing::run_ranks(3, [&](const comm::World& world) {
    const comm::Group pipeline = world.make_group("pipeline", world.all_ranks());
    ToyStage whole(world.rank(), world.size());
    ForgetfulStage forgetful(world.rank(), world.size());
    const bool is_last = world.rank() + 1 == world.size();
    PipelineExecutor executor(pipeline, is_last ? static_cast<Stage&>(forgetful) : whole);
    const auto program = schedule::make_1f1b({.num_stages = world.size(), .num_micro_batches = 3});
    std::string& error = errors[static_cast<size_t>(world.rank())];
    try {
      executor.run(program[static_cast<size_t>(world.rank())]);
    } catch (const BugError& e) {
      error = fmt::format("bug: {}", e.what());
    } catch (const EnvironmentError& e) {
      error = fmt::format("surroundings: {}", e.what());
    }
  });
  EXPECT_THAT(errors[2], ::testing::HasSubstr("stage 2 gives no gradient of skip of micro-batch 1"));
  EXPECT_THAT(errors[2], ::testing::StartsWith("bug"));
  EXPECT_THAT(errors[1], ::testing::StartsWith("surroundings"));
  EXPECT_THAT(errors[0], ::testing::StartsWith("surroundings"));
}

}  // namespace
}  // namespace tandem::parallel
