// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "tandem/comm/differentiable.h"
#include "tests/support/run_ranks.h"

namespace tandem::comm {
namespace {

TEST(Differentiable, ReplicateSumsGradientsAndSumPartialSumsValues) {
  testing::run_ranks(3, [](const World& world) {
    const Group group = world.make_group("tensor", {0, 1, 2});
    at::Tensor x = at::tensor({2.0, 3.0}, at::kDouble).requires_grad_(true);
    const double factor = world.rank() + 1;
    const at::Tensor y = sum_partial(replicate(x, group) * factor, group);
    EXPECT_TRUE(y.detach().equal(at::tensor({12.0, 18.0}, at::kDouble)));
    torch::autograd::backward({y}, {at::tensor({1.0, 10.0}, at::kDouble)});
    EXPECT_TRUE(x.grad().equal(at::tensor({6.0, 60.0}, at::kDouble)));
  });
}

}  // namespace
}  // namespace tandem::comm
