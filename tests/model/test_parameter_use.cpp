// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/group.h"
#include "tandem/model/embedding.h"
#include "tandem/model/linear.h"
#include "tandem/model/norm.h"
#include "tandem/model/relative_bias.h"
#include "tandem/model/vocabulary.h"
#include "tests/model/operation_check.h"

namespace tandem::model {
namespace {

using namespace testing;

// One parameter [4, 3] (the norm's: [3]) and an operation on it; `input` is a leaf [2, 3].
struct Use {
  const char* name;
  std::vector<int64_t> shape;
  std::function<at::Tensor(const at::Tensor& input, Parameter& parameter)> operation;
};

void PrintTo(const Use& use, std::ostream* out) { *out << use.name; }

std::vector<Use> uses() {
  static const comm::Group alone;
  return {
      {"linear", {4, 3}, [](const at::Tensor& x, Parameter& weight) { return linear(x, weight); }},
      {"norm", {3}, [](const at::Tensor& x, Parameter& scale) { return rms_norm(x, scale, 1e-6); }},
      {"embedding",
       {4, 3},
       [](const at::Tensor& x, Parameter& table) {
         return embed(at::zeros({1, 2}, at::kLong), table, alone) + x;
       }},
      {"bias",
       {4, 3},
       [](const at::Tensor& x, Parameter& table) {
         const ModelConfig config{.relative_buckets = 4, .relative_distance = 8};
         return relative_bias(table, Direction::kBack, {.num_queries = 2, .num_keys = 2}, config).sum() + x;
       }},
      {"loss",
       {4, 3},
       [](const at::Tensor& x, Parameter& table) {
         return summed_token_loss(x, table, at::zeros({2}, at::kLong), alone, 1);
       }},
  };
}

class ParameterUse : public ::testing::TestWithParam<Use> {
 protected:
  ParameterUse() {
    parameter_.spec = {.name = "it", .shape = GetParam().shape};
    parameter_.value = leaf(normal(GetParam().shape, at::kFloat, 1));
    parameter_.gradient = at::zeros_like(parameter_.value);
    parameter_.on_settled = [this] { ++settled_; };
  }
  void run() { GetParam().operation(input_, parameter_).sum().backward(); }

  Parameter parameter_;
  const at::Tensor input_ = leaf(normal({2, 3}, at::kFloat, 2));
  int settled_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Operations, ParameterUse, ::testing::ValuesIn(uses()),
                         [](const ::testing::TestParamInfo<Use>& of) { return of.param.name; });

TEST_P(ParameterUse, SettlesOnceItsGradientIsWhole) {
  run();
  EXPECT_EQ(settled_, 1);
  EXPECT_TRUE(parameter_.gradient.abs().sum().item<double>() > 0);
}

TEST_P(ParameterUse, IsNotCountedWhereTheParameterIsFrozen) {
  parameter_.value.requires_grad_(false);
  run();
  EXPECT_EQ(settled_, 0);
  EXPECT_TRUE(at::equal(parameter_.gradient, at::zeros_like(parameter_.gradient)));
  EXPECT_TRUE(input_.grad().defined());
  parameter_.value.requires_grad_(true);
  run();
  EXPECT_EQ(settled_, 1);  // no use is still open
}

}  // namespace
}  // namespace tandem::model
