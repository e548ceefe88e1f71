// SPDX-License-Identifier: Apache-2.0
// A tree decoded in one pass against each of its ways from the root decoded by itself.
#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tandem/base/random.h"
#include "tandem/model/encoder_decoder.h"
#include "tandem/model/initialize.h"
#include "tandem/model/tensor_table.h"
#include "tests/model/operation_check.h"

namespace tandem::model {
namespace {

using testing::difference;

constexpr int64_t kVocabulary = 50;

// Tiny tensors gain nothing from threads, and on a busy machine waiting for them takes most of the time.
[[maybe_unused]] const bool one_thread = (at::set_num_threads(1), true);

ModelConfig config_of(Positions positions) {
  return {.encoder_layers = 1,
          .decoder_layers = 3,
          .hidden = 24,
          .heads = 3,
          .head_dim = 10,
          .feed_forward = 32,
          .vocabulary = kVocabulary,
          .positions = positions,
          .relative_buckets = 8,
          .relative_distance = 12};
}

Parameters parameters_of(const ModelConfig& config, at::ScalarType type) {
  Parameters parameters;
  for (const layout::TensorSpec& spec : tensor_table(config, {all_layers(config)}))
    parameters.add(spec).value = initial_values(spec, 3, 0, 1, at::kDouble).to(type);
  return parameters;
}

// Grows anywhere: nodes with many children, and ways longer than one bucket of distances. More nodes than the
// kernels take queries in one block.
TokenTree invented_tree(int64_t size = 110, uint64_t seed = 11) {
  const CounterRandom random(seed, "tree");
  TokenTree tree(0);
  while (tree.size() < size) {
    const auto draw = static_cast<uint64_t>(2 * tree.size());
    const auto below = static_cast<uint64_t>(std::min<int64_t>(tree.size(), 6));
    tree.add(tree.size() - 1 - static_cast<int64_t>(random.below(draw, below)),
             static_cast<int64_t>(random.below(draw + 1, kVocabulary)));
  }
  return tree;
}

std::vector<int64_t> way_to(const TokenTree& tree, int64_t node) {
  std::vector<int64_t> ids;
  for (; node != TokenTree::kNoParent; node = tree.parents()[static_cast<size_t>(node)])
    ids.push_back(tree.ids()[static_cast<size_t>(node)]);
  std::ranges::reverse(ids);
  return ids;
}

class TreeDecoding : public ::testing::TestWithParam<std::tuple<Positions, at::ScalarType>> {
 protected:
  const at::NoGradGuard no_grad_;
  const at::ScalarType type_ = std::get<1>(GetParam());
  const ModelConfig config_ = config_of(std::get<0>(GetParam()));
  Parameters parameters_ = parameters_of(config_, type_);
  const comm::Group alone_;
  const EncoderDecoder model_{config_, all_layers(config_), parameters_, alone_};
  const at::Tensor source_lengths_ = at::tensor({9, 4, 1}, at::kLong);
  const at::Tensor memory_ =
      model_.encode((at::arange(27) * 7).remainder(kVocabulary).view({3, 9}), source_lengths_);

  at::Tensor decoded_chain(const std::vector<int64_t>& ids) const {
    const auto length = static_cast<int64_t>(ids.size());
    DecoderState state = model_.start_decoding(memory_, source_lengths_, length);
    return model_.decode(at::tensor(ids, at::kLong).expand({3, length}), state);
  }
  // Of a tree for each of the three rows.
  at::Tensor decoded(const std::vector<const TokenTree*>& trees) const {
    return model_.decode_trees(make_tree_batch(trees), memory_, source_lengths_);
  }
  // What the same sums in another order may differ by, over the layers.
  double tolerance() const { return (type_ == at::kBFloat16 ? 2 : 1) * testing::tolerance(type_); }
};

TEST_P(TreeDecoding, EveryNodeIsWhatItIsBehindItsAncestorsAlone) {
  const TokenTree tree = invented_tree();
  ASSERT_GT(tree.num_levels(), 12);
  const at::Tensor together = decoded({&tree, &tree, &tree});
  ASSERT_EQ(together.sizes(), at::IntArrayRef({3, tree.size(), config_.hidden}));
  EXPECT_EQ(together.scalar_type(), type_);
  for (int64_t node = 0; node < tree.size(); ++node) {
    const at::Tensor alone = decoded_chain(way_to(tree, node));
    EXPECT_LT(difference(together.select(1, node), alone.select(1, alone.size(1) - 1)), tolerance()) << node;
  }
}

TEST_P(TreeDecoding, ARootAloneIsOnePosition) {
  const at::Tensor expected = decoded_chain({5});
  const TokenTree root(5);
  EXPECT_LT(difference(decoded({&root, &root, &root}), expected), tolerance());
}

TEST_P(TreeDecoding, RowsWithTreesOfTheirOwnAreAsWithoutTheOthers) {
  const TokenTree small(7), middle = invented_tree(20, 12), large = invented_tree(60, 13);
  const std::vector<const TokenTree*> trees{&large, &small, &middle};
  const at::Tensor together = decoded(trees);
  ASSERT_EQ(together.sizes(), at::IntArrayRef({3, 60, config_.hidden}));
  for (int64_t row = 0; row < 3; ++row) {
    const TokenTree& tree = *trees[static_cast<size_t>(row)];
    const at::Tensor expected = decoded({&tree, &tree, &tree})[row];
    EXPECT_LT(difference(together[row].narrow(0, 0, tree.size()), expected), tolerance()) << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, TreeDecoding,
                         ::testing::Combine(::testing::Values(Positions::kRotary, Positions::kRelativeBias),
                                            ::testing::ValuesIn(testing::kTypes)),
                         [](const auto& tested) {
                           return std::string(std::get<0>(tested.param) == Positions::kRotary
                                                  ? "rotary_"
                                                  : "relative_bias_") +
                                  at::toString(std::get<1>(tested.param));
                         });

}  // namespace
}  // namespace tandem::model
