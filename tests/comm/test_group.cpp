// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <latch>

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "tandem/comm/lost_peer.h"
#include "tests/support/run_ranks.h"

namespace tandem::comm {
namespace {

using testing::run_ranks;

class AnySize : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Group, AnySize, ::testing::Values(1, 2, 3, 4), ::testing::PrintToStringParamName());

TEST_P(AnySize, AllReduceSumsAndMaximises) {
  run_ranks(GetParam(), [](const World& world) {
    const Group group = world.make_group("g", world.all_ranks());
    for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16, at::kLong}) {
      at::Tensor sum = at::full({5}, world.rank() + 1, type), max = sum.clone();
      group.all_reduce(sum);
      group.all_reduce(max, Reduce::kMax);
      EXPECT_TRUE(sum.equal(at::full({5}, world.size() * (world.size() + 1) / 2, type)));
      EXPECT_TRUE(max.equal(at::full({5}, world.size(), type)));
    }
  });
}

TEST_P(AnySize, ReduceScatterLeavesEachRankItsPartOfTheSum) {
  run_ranks(GetParam(), [](const World& world) {
    const Group group = world.make_group("g", world.all_ranks());
    const at::Tensor input = at::arange(3 * world.size(), at::kDouble) * (world.rank() + 1);
    at::Tensor output = at::empty({3}, at::kDouble);
    group.reduce_scatter(input, output).wait();
    const double factor = world.size() * (world.size() + 1) / 2.0;
    EXPECT_TRUE(output.equal(at::arange(3 * world.rank(), 3 * world.rank() + 3, at::kDouble) * factor));
  });
}

TEST_P(AnySize, AllGatherKeepsRankOrderAndWorksInPlace) {
  run_ranks(GetParam(), [](const World& world) {
    const Group group = world.make_group("g", world.all_ranks());
    at::Tensor all = at::full({world.size(), 2}, -1.0);
    all[world.rank()].fill_(world.rank());
    group.all_gather(all[world.rank()], all).wait();
    for (int rank = 0; rank < world.size(); ++rank)
      EXPECT_TRUE(all[rank].equal(at::full({2}, double(rank), at::kFloat)));
    const std::vector<std::string> texts =
        group.all_gather_text(std::string(static_cast<size_t>(world.rank()), 'x'));
    ASSERT_EQ(static_cast<int>(texts.size()), world.size());
    for (size_t rank = 0; rank < texts.size(); ++rank) EXPECT_EQ(texts[rank].size(), rank);
  });
}

TEST(Group, MessagesMatchByTagWhateverTheirOrder) {
  run_ranks(2, [](const World& world) {
    const Group group = world.make_group("g", {0, 1});
    const int peer = 1 - world.rank();
    at::Tensor a = at::full({4}, 10.0 + world.rank()), b = at::full({4}, 20.0 + world.rank());
    at::Tensor from_a = at::empty({4}), from_b = at::empty({4});
    std::vector<Pending> pending;
    pending.push_back(group.send(a, peer, 1));
    pending.push_back(group.send(b, peer, 2));
    group.receive(from_b, peer, 2).wait();
    group.receive(from_a, peer, 1).wait();
    for (Pending& p : pending) p.wait();
    EXPECT_EQ(from_a[0].item<float>(), 10.0f + static_cast<float>(peer));
    EXPECT_EQ(from_b[0].item<float>(), 20.0f + static_cast<float>(peer));
  });
}

TEST_P(AnySize, TextsOfAnyLengthComeToRankZeroInRankOrderAndNowhereElse) {
  run_ranks(GetParam(), [](const World& world) {
    const Group group = world.make_group("g", world.all_ranks());
    const auto text_of = [](int rank) {
      return rank % 2 == 1 ? std::string() : std::string(static_cast<size_t>(5000 * rank + 2), 'a' + rank);
    };
    for (int shift = 0; shift < 2; ++shift) {
      std::vector<std::string> expected;
      for (int rank = 0; world.rank() == 0 && rank < world.size(); ++rank)
        expected.push_back(text_of(rank + shift));
      EXPECT_EQ(group.gather_text(text_of(world.rank() + shift)), expected);
    }
  });
}

TEST_P(AnySize, TextOfRankZeroReachesAllWhateverTheyGive) {
  run_ranks(GetParam(), [](const World& world) {
    const Group group = world.make_group("g", world.all_ranks());
    for (const size_t length : {size_t{3}, size_t{0}, size_t{100'000}}) {
      const std::string text(length, 'x');
      EXPECT_EQ(group.broadcast_text(world.rank() == 0 ? text : "another"), text);
    }
  });
}

void expect_failed_all_reduce(const Group& group) {
  at::Tensor x = at::zeros({4});
  try {
    group.all_reduce(x);
    FAIL() << "no error";
  } catch (const LostPeerError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("group data[0,1], rank 0 of 2, all_reduce (number 1)"));
  }
}

TEST(Group, MissingPeerIsAnErrorAtTheDeadlineThatNamesGroupAndOperation) {
  std::latch seen(1);
  run_ranks(
      2,
      [&](const World& world) {
        const Group group = world.make_group("data", {0, 1});
        if (world.rank() == 1) return seen.wait();  // silent, but its connections stand
        const auto start = std::chrono::steady_clock::now();
        expect_failed_all_reduce(group);
        const auto taken = std::chrono::steady_clock::now() - start;
        seen.count_down();
        EXPECT_GT(taken, std::chrono::milliseconds(1900));
        EXPECT_LT(taken, std::chrono::seconds(9));
      },
      std::chrono::seconds(2));
}

TEST(Group, LostPeerIsAnErrorThatNamesGroupAndOperation) {
  run_ranks(2, [](const World& world) {
    const Group group = world.make_group("data", {0, 1});
    if (world.rank() == 0) expect_failed_all_reduce(group);
  });
}

TEST(MeshGroups, JoinTheRanksAlongEachAxis) {
  run_ranks(8, [](const World& world) {
    const layout::Mesh mesh({.data = 2, .pipeline = 2, .tensor = 2});
    const MeshGroups groups = make_mesh_groups(world, mesh);
    const layout::MeshCoordinate own = mesh.coordinate_of(world.rank());
    EXPECT_EQ(groups.data.rank(), own.data);
    EXPECT_EQ(groups.tensor.rank(), own.tensor);
    EXPECT_EQ(groups.pipeline.rank(), own.pipeline);
    at::Tensor x = at::full({1}, 1LL << world.rank(), at::kLong);
    groups.pipeline.all_reduce(x);
    int64_t expected = 0;
    for (const int rank : mesh.neighbours(world.rank(), layout::Axis::kPipeline)) expected += 1LL << rank;
    EXPECT_EQ(x.item<int64_t>(), expected);
  });
}

}  // namespace
}  // namespace tandem::comm
