// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/attention_core.h"
#include "tandem/model/portable.h"
#include "tests/model/operation_check.h"

namespace tandem::model {
namespace {

using namespace testing;

constexpr double kScale = 0.37;

// The definition in fp64; a hidden key's score is lowered far enough for a probability of exactly zero.
at::Tensor reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& bias,
                     const Visibility& visibility) {
  at::Tensor scores = kScale * at::einsum("bthe,bshe->bhts", {q, k});
  if (bias.defined()) scores = scores + bias;
  const int64_t queries = q.size(1), keys = k.size(1);
  at::Tensor hidden = at::zeros({q.size(0), 1, queries, keys}, at::kDouble);
  for (int64_t b = 0; b < q.size(0); ++b)
    for (int64_t t = 0; t < queries; ++t)
      for (int64_t s = 0; s < keys; ++s) {
        const bool padding =
            visibility.key_lengths.defined() && s >= visibility.key_lengths[b].item<int64_t>();
        const bool future = visibility.causality == Causality::kCausal && s > t + keys - queries;
        if (padding || future) hidden[b][0][t][s] = -1e30;
      }
  return at::einsum("bhts,bshe->bthe", {(scores + hidden).softmax(-1), v});
}

struct Shape {
  int64_t batch, queries, keys, heads, width;
};
constexpr Shape kShapes[] = {
    {3, 5, 5, 2, 4}, {2, 3, 40, 3, 64}, {1, 1, 1, 1, 2}, {2, 1, 9, 2, 8}, {2, 70, 131, 1, 16}};

// One setting of shape and visibility, with its inputs q, k, v and perhaps a bias.
struct Setting {
  Inputs inputs;
  Visibility visibility;
};

class Attention : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  static at::ScalarType wide() { return GetParam() == at::kDouble ? at::kDouble : at::kFloat; }

  static Setting setting(const Shape& shape, bool biased, bool padded, Causality causality) {
    Setting made{{normal({shape.batch, shape.queries, shape.heads, shape.width}, GetParam(), 1),
                  normal({shape.batch, shape.keys, shape.heads, shape.width}, GetParam(), 2),
                  normal({shape.batch, shape.keys, shape.heads, shape.width}, GetParam(), 3)},
                 {.causality = causality}};
    if (biased) made.inputs.push_back(normal({shape.heads, shape.queries, shape.keys}, wide(), 4));
    std::vector<int64_t> lengths;
    for (int64_t b = 0; b < shape.batch; ++b) lengths.push_back(1 + (7 * b + shape.keys - 1) % shape.keys);
    if (padded) made.visibility.key_lengths = at::tensor(lengths, at::kLong);
    return made;
  }

  template <class Check>
  static void for_each_setting(Check check) {
    for (const Shape& shape : kShapes)
      for (const bool biased : {false, true})
        for (const bool padded : {false, true})
          for (const Causality causality : {Causality::kNone, Causality::kCausal}) {
            SCOPED_TRACE(::testing::Message()
                         << "queries " << shape.queries << " keys " << shape.keys << " biased " << biased
                         << " padded " << padded << " causal " << (causality == Causality::kCausal));
            check(setting(shape, biased, padded, causality));
          }
  }

  static std::vector<at::Tensor> run(const Setting& at_setting) {
    return results(
        [&](const Inputs& x) {
          return attention(x[0], x[1], x[2], kScale, at_setting.visibility,
                           x.size() > 3 ? x[3] : at::Tensor());
        },
        at_setting.inputs);
  }
};
INSTANTIATE_TEST_SUITE_P(Types, Attention, ::testing::ValuesIn(kTypes));

TEST_P(Attention, EqualsTheDefinition) {
  for_each_setting([](const Setting& here) {
    Inputs wide;
    for (const at::Tensor& each : here.inputs) wide.push_back(each.to(at::kDouble));
    const auto actual = run(here);
    const auto expected = results(
        [&](const Inputs& x) {
          return reference(x[0], x[1], x[2], x.size() > 3 ? x[3] : at::Tensor(), here.visibility);
        },
        wide);
    EXPECT_TRUE(actual[0].is_contiguous());
    for (size_t i = 0; i < actual.size(); ++i) {
      SCOPED_TRACE(::testing::Message() << (i == 0 ? "output" : "gradient of input ") << i);
      // With one visible key the exact gradient of q and k is zero and only rounding is left to compare.
      if (expected[i].abs().max().item<double>() < 1e-9)
        EXPECT_LT(actual[i].abs().max().item<double>(), GetParam() == at::kBFloat16 ? 1e-1 : 1e-5);
      else
        EXPECT_LT(difference(actual[i], expected[i]), tolerance(GetParam()));
    }
  });
}

TEST_P(Attention, EqualsThePortableForm) {
  for_each_setting([](const Setting& here) {
    const Inputs& in = here.inputs;
    const at::Tensor bias = in.size() > 3 ? in[3] : at::Tensor();
    const auto expected = portable::attention(in[0], in[1], in[2], kScale, here.visibility, bias);
    const at::Tensor actual = attention(in[0], in[1], in[2], kScale, here.visibility, bias);
    EXPECT_LT(difference(actual, expected.output_BTHE), tolerance(GetParam()));
  });
}

// A step whose loss or gradient is not finite is skipped: a NaN must not be lost on the way.
TEST_P(Attention, NanStaysInEveryOutputThatSeesIt) {
  for_each_setting([](const Setting& here) {
    for (size_t spoiled = 0; spoiled < here.inputs.size(); ++spoiled) {
      if (spoiled == 2) continue;  // a value by itself: its probability is a number
      SCOPED_TRACE(::testing::Message() << "input " << spoiled);
      Inputs in = here.inputs;
      in[spoiled] = in[spoiled].clone();
      in[spoiled].flatten()[0] = NAN;  // of k and bias: the first key, which every row sees
      const at::Tensor bias = in.size() > 3 ? in[3] : at::Tensor();
      const at::Tensor expected =
          portable::attention(in[0], in[1], in[2], kScale, here.visibility, bias).output_BTHE.isnan();
      EXPECT_TRUE(expected.any().item<bool>());
      EXPECT_TRUE(at::equal(attention(in[0], in[1], in[2], kScale, here.visibility, bias).isnan(), expected));
      // Its gradient is as in training: NaN where the output is.
      const auto all = results(
          [&](const Inputs& x) {
            return attention(x[0], x[1], x[2], kScale, here.visibility, x.size() > 3 ? x[3] : at::Tensor())
                .square();
          },
          in);
      EXPECT_FALSE(all[1].isfinite().all().item<bool>()) << "gradient of q";
      if (bias.defined()) {
        EXPECT_FALSE(all[4].isfinite().all().item<bool>()) << "gradient of bias";
      }
    }
  });
}

TEST_P(Attention, HiddenKeysGetNoGradient) {
  for_each_setting([](const Setting& here) {
    if (!here.visibility.key_lengths.defined()) return;
    const auto all = run(here);
    for (const at::Tensor& each : all) EXPECT_TRUE(each.isfinite().all().item<bool>());
    for (int64_t b = 0; b < all[2].size(0); ++b) {
      const int64_t length = here.visibility.key_lengths[b].item<int64_t>(), tail = all[2].size(1) - length;
      EXPECT_TRUE((all[2][b].narrow(0, length, tail) == 0).all().item<bool>());
      EXPECT_TRUE((all[3][b].narrow(0, length, tail) == 0).all().item<bool>());
    }
  });
}

TEST_P(Attention, TakesABiasForEachRow) {
  for (const Causality causality : {Causality::kNone, Causality::kCausal}) {
    Setting here =
        setting({.batch = 3, .queries = 7, .keys = 12, .heads = 2, .width = 16}, false, false, causality);
    here.inputs.push_back(normal({3, 2, 7, 12}, wide(), 4));
    expect_same(
        [&](const Inputs& x) {
          return attention(x[0], x[1], x[2], kScale, here.visibility, x[3].to(wide()));
        },
        [&](const Inputs& x) { return reference(x[0], x[1], x[2], x[3], here.visibility); }, here.inputs,
        GetParam(), tolerance(GetParam()));
    here.visibility.key_lengths = at::tensor({12, 4, 1}, at::kLong);
    EXPECT_THROW(run(here), BugError);
  }
}

TEST(AttentionInput, MayBeSlicesOfFusedProjections) {
  for (const at::ScalarType type : kTypes) {
    const Inputs in{normal({2, 6, 3, 2, 8}, type, 1), normal({2, 6, 6}, type, 2)};
    const auto wide = type == at::kDouble ? at::kDouble : at::kFloat;
    expect_same(
        [&](const Inputs& x) {
          return attention(x[0].select(2, 0), x[0].select(2, 1), x[0].select(2, 2), kScale, {},
                           x[1].to(wide));
        },
        [&](const Inputs& x) {
          return reference(x[0].select(2, 0), x[0].select(2, 1), x[0].select(2, 2), x[1], {});
        },
        in, type, tolerance(type));
  }
}

// Of what is hidden nothing comes through: the same keys and values without it give the same.
TEST_P(Attention, MinusInfinityInTheBiasHidesAKey) {
  for (const Causality causality : {Causality::kNone, Causality::kCausal}) {
    Setting here =
        setting({.batch = 2, .queries = 70, .keys = 70, .heads = 3, .width = 16}, true, false, causality);
    // Each query sees the keys that leave its remainder by 3, so itself too.
    const at::Tensor remainder = at::arange(70).remainder(3);
    const at::Tensor hidden = remainder.unsqueeze(1).ne(remainder);
    here.inputs[3] = here.inputs[3].masked_fill(hidden, -INFINITY);
    const auto all = run(here);
    for (int64_t r = 0; r < 3; ++r) {
      const at::Tensor seen = remainder.eq(r).nonzero().flatten();
      Inputs alone;
      for (size_t i = 0; i < 3; ++i) alone.push_back(here.inputs[i].index_select(1, seen).to(at::kDouble));
      alone.push_back(here.inputs[3].index_select(1, seen).index_select(2, seen).to(at::kDouble));
      const at::Tensor expected = reference(alone[0], alone[1], alone[2], alone[3], here.visibility);
      EXPECT_LT(difference(all[0].index_select(1, seen), expected), tolerance(GetParam())) << r;
    }
    for (size_t i = 1; i < all.size(); ++i) EXPECT_TRUE(all[i].isfinite().all().item<bool>()) << i;
    EXPECT_TRUE((all[4].masked_select(hidden) == 0).all().item<bool>());
  }
}

TEST(AttentionInput, WithVeryDifferentScoresStaysFinite) {
  const at::Tensor q = normal({1, 4, 1, 8}, at::kFloat, 1) * 200,
                   k = normal({1, 4, 1, 8}, at::kFloat, 2) * 200;
  const auto all = results([&](const Inputs& x) { return attention(x[0], x[1], x[2], 1.0, {}, x[3]); },
                           {q, k, normal({1, 4, 1, 8}, at::kFloat, 3), at::zeros({1, 4, 4})});
  for (const at::Tensor& each : all) EXPECT_TRUE(each.isfinite().all().item<bool>());
}

TEST(AttentionGradient, EqualsCentralDifferences) {
  const Visibility seen{.key_lengths = at::tensor({5, 3}, at::kLong), .causality = Causality::kCausal};
  Inputs in{normal({2, 4, 2, 3}, at::kDouble, 1), normal({2, 5, 2, 3}, at::kDouble, 2),
            normal({2, 5, 2, 3}, at::kDouble, 3), normal({2, 4, 5}, at::kDouble, 4)};
  const auto value = [&](const Inputs& x) { return attention(x[0], x[1], x[2], kScale, seen, x[3]); };
  const auto all = results(value, in, 5);
  const at::Tensor weights = normal(all[0].sizes(), at::kDouble, 5);
  for (size_t i = 0; i < in.size(); ++i) {
    const at::Tensor direction = normal(in[i].sizes(), at::kDouble, 6 + i);
    const auto along = [&](double step) {
      Inputs moved = in;
      moved[i] = in[i] + step * direction;
      return (value(moved) * weights).sum().item<double>();
    };
    const double slope = (along(1e-5) - along(-1e-5)) / 2e-5;
    EXPECT_NEAR((all[i + 1] * direction).sum().item<double>(), slope, 1e-8 * std::max(1.0, std::abs(slope)))
        << i;
  }
}

}  // namespace
}  // namespace tandem::model
