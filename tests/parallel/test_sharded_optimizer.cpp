// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "tandem/parallel/gradient_norm.h"
#include "tandem/parallel/gradient_reducer.h"
#include "tandem/parallel/sharded_optimizer.h"
#include "tests/support/run_ranks.h"

namespace tandem::parallel {
namespace {

const std::vector<layout::TensorSpec> kSpecs{
    {.name = "a", .shape = {3, 5}, .initial_deviation = {0.5, 0.1, 1}},
    {.name = "b", .shape = {7}, .decays = false, .initial_deviation = {0.2}}};

double start_value(size_t tensor, int64_t i) {
  return 0.1 * static_cast<double>(tensor + 1) + 0.01 * static_cast<double>(i);
}
double gradient_value(int step, size_t tensor, int64_t i) {
  return std::sin(static_cast<double>(step + 1 + i) * static_cast<double>(tensor + 2));
}

// Algorithm 2 of Loshchilov and Hutter, element by element.
std::vector<std::vector<double>> reference(const OptimizerConfig& config, int steps) {
  std::vector<std::vector<double>> result;
  for (size_t tensor = 0; tensor < kSpecs.size(); ++tensor) {
    std::vector<double> values;
    for (int64_t i = 0; i < layout::num_elements(kSpecs[tensor].shape); ++i) {
      double w = start_value(tensor, i), m = 0, v = 0;
      for (int step = 0; step < steps; ++step) {
        const double g = gradient_value(step, tensor, i);
        const double deviation = tensor == 0 ? kSpecs[0].initial_deviation[static_cast<size_t>(i / 5)] : 1;
        const double rate = config.learning_rate * (config.relative_rate ? deviation : 1);
        if (kSpecs[tensor].decays) w -= config.learning_rate * config.weight_decay * w;
        m = config.beta1 * m + (1 - config.beta1) * g;
        v = config.beta2 * v + (1 - config.beta2) * g * g;
        const double m_hat = m / (1 - std::pow(config.beta1, step + 1)),
                     v_hat = v / (1 - std::pow(config.beta2, step + 1));
        w -= rate * m_hat / (std::sqrt(v_hat) + config.epsilon);
      }
      values.push_back(w);
    }
    result.push_back(values);
  }
  return result;
}

class AnySharding : public ::testing::TestWithParam<std::tuple<int, Sharding, at::ScalarType, bool>> {};
std::string name_of(const ::testing::TestParamInfo<AnySharding::ParamType>& given) {
  const auto& [size, sharding, compute, relative] = given.param;
  return fmt::format("dp{}_{}_{}_{}", size, sharding == Sharding::kSharded ? "sharded" : "replicated",
                     c10::toString(compute), relative ? "relative" : "absolute");
}
INSTANTIATE_TEST_SUITE_P(ShardedOptimizer, AnySharding,
                         ::testing::Combine(::testing::Values(1, 2, 3),
                                            ::testing::Values(Sharding::kSharded, Sharding::kReplicated),
                                            ::testing::Values(at::kDouble, at::kBFloat16), ::testing::Bool()),
                         name_of);

// Every data rank brings a part of the gradient; bf16 values must follow fp32 master weights.
TEST_P(AnySharding, FollowsAdamW) {
  const auto& [size, sharding, compute, relative] = GetParam();
  OptimizerConfig config;
  config.relative_rate = relative;
  config.learning_rate = 0.05;
  config.weight_decay = 0.1;
  const auto expected = reference(config, 4);
  testing::run_ranks(size, [&, sharding = sharding, compute = compute](const comm::World& world) {
    const comm::Group data = world.make_group("data", world.all_ranks());
    const auto accumulation = compute == at::kDouble ? at::kDouble : at::kFloat;
    BucketStorage storage(kSpecs, 0, {.data_ranks = world.size(), .max_elements = 8},
                          {.compute = compute, .accumulation = accumulation});
    ShardedOptimizer optimizer(storage, data, config, sharding);
    for (size_t bucket = 0; bucket < storage.buckets().size(); ++bucket)
      for (const auto& segment : layout::shard_segments(storage.buckets()[bucket], world.rank()))
        for (int64_t i = 0; i < segment.num_elements; ++i)
          optimizer.shard(State::kMaster, bucket)[segment.shard_offset + i] =
              start_value(segment.tensor, segment.tensor_offset + i);
    optimizer.publish();
    GradientReducer reducer(storage, data, {});
    for (int step = 0; step < 4; ++step) {
      reducer.begin_step();
      for (size_t tensor = 0; tensor < kSpecs.size(); ++tensor)
        for (int64_t i = 0; i < storage.gradient(tensor).numel(); ++i)
          storage.gradient(tensor).view({-1})[i] = gradient_value(step, tensor, i) / world.size();
      reducer.begin_last_backward();
      for (size_t tensor = kSpecs.size(); tensor-- > 0;) reducer.settle(tensor);
      reducer.finish();
      optimizer.step(config.learning_rate);
    }
    const double tolerance = compute == at::kDouble ? 1e-13 : 4e-3;
    for (size_t tensor = 0; tensor < kSpecs.size(); ++tensor) {
      const at::Tensor values = storage.value(tensor).flatten().to(at::kDouble);
      for (int64_t i = 0; i < values.numel(); ++i)
        EXPECT_NEAR(values[i].item<double>(), expected[tensor][static_cast<size_t>(i)], tolerance);
    }
  });
}

TEST(GradientNorm, CountsReplicasAndSharedTensorsOnceAndNamesWhatIsNotFinite) {
  testing::run_ranks(2, [](const comm::World& world) {
    const comm::Group all = world.make_group("world", {0, 1});
    // Two tensor ranks: "a" is split by rows (one padded), "b" replicated.
    std::vector<layout::TensorSpec> specs = kSpecs;
    specs[0].tensor_dim = 0;
    specs[0].initial_deviation = {0};
    BucketStorage storage(specs, 0, {.data_ranks = 1, .tensor_ranks = 2},
                          {.compute = at::kDouble, .accumulation = at::kDouble});
    storage.zero_gradients();
    storage.gradient(0).narrow(0, 0, world.rank() == 0 ? 2 : 1).fill_(2);
    storage.gradient(1).fill_(3);
    const layout::MeshCoordinate place{.tensor = world.rank()};
    EXPECT_DOUBLE_EQ(gradient_norm(storage, place, all), std::sqrt(15 * 4.0 + 7 * 9.0));
    if (world.rank() == 1) storage.gradient(0)[0][1] = NAN;
    EXPECT_FALSE(std::isfinite(gradient_norm(storage, place, all)));
    EXPECT_EQ(non_finite_gradients(storage, place).size(), world.rank() == 1 ? 1u : 0u);
  });
}

}  // namespace
}  // namespace tandem::parallel
