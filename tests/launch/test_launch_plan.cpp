// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/launch/launch_plan.h"

namespace tandem::launch {
namespace {

using testing::HasSubstr;

std::string complaint(const LaunchOptions& options, const Variables& variables = {}) {
  try {
    plan_launch(options, variables);
  } catch (const InputError& error) {
    return error.what();
  }
  return "none";
}

TEST(LaunchPlan, EachRankGetsTheContract) {
  const LaunchPlan plan = plan_launch({.ranks = 3}, {{"HOME", "/root"}});
  ASSERT_EQ(plan.ranks.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    const RankEnvironment rank = parse_rank_environment(plan.ranks[static_cast<size_t>(i)]);
    EXPECT_EQ(rank.rank, i);
    EXPECT_EQ(rank.local_rank, i);
    EXPECT_EQ(rank.world_size, 3);
    EXPECT_EQ(rank.local_world_size, 3);
    EXPECT_EQ(rank.master_address, "127.0.0.1");
    EXPECT_EQ(rank.master_port, plan.reservation->port());
    EXPECT_EQ(plan.ranks[static_cast<size_t>(i)].at("HOME"), "/root");
  }
}

TEST(LaunchPlan, ThreadsAreSetForEachRankUnlessChosen) {
  const LaunchPlan plan = plan_launch({.ranks = 1000}, {});
  EXPECT_EQ(plan.ranks[0].at("OMP_NUM_THREADS"), "1");
  EXPECT_EQ(plan.ranks[0].at("MKL_NUM_THREADS"), "1");
  const LaunchPlan chosen = plan_launch({.ranks = 2}, {{"OMP_NUM_THREADS", "5"}});
  EXPECT_EQ(chosen.ranks[1].at("OMP_NUM_THREADS"), "5");
  EXPECT_EQ(chosen.ranks[1].at("MKL_NUM_THREADS"), "5");
}

TEST(LaunchOptions, RanksRunOnWithoutLimitAfterTheFirstIsDone) { EXPECT_FALSE(LaunchOptions{}.finish_grace); }

TEST(LaunchPlan, LaterNodesCountOnAndReserveNothing) {
  const LaunchPlan plan = plan_launch({.ranks = 2,
                                       .nodes = 3,
                                       .node_rank = 1,
                                       .rendezvous = Rendezvous{.host = "127.0.0.1", .port = 29500},
                                       .interface_name = "lo"},
                                      {});
  EXPECT_EQ(plan.first_rank, 2);
  EXPECT_FALSE(plan.reservation);
  const RankEnvironment last = parse_rank_environment(plan.ranks[1]);
  EXPECT_EQ(last.rank, 3);
  EXPECT_EQ(last.local_rank, 1);
  EXPECT_EQ(last.world_size, 6);
  EXPECT_EQ(last.master_port, 29500);
  EXPECT_EQ(last.interface_name, "lo");
}

TEST(LaunchPlan, VariablesOfAnOuterJobDoNotLeakIn) {
  const Variables outer = {{"RANK", "7"},
                           {"MASTER_PORT", "1"},
                           {"MASTER_ADDR", "10.0.0.1"},
                           {"TANDEM_INTERFACE", "eth7"},
                           {"TORCHELASTIC_USE_AGENT_STORE", "True"}};
  const LaunchPlan plan = plan_launch({.ranks = 1}, outer);
  const RankEnvironment rank = parse_rank_environment(plan.ranks[0]);
  EXPECT_EQ(rank.rank, 0);
  EXPECT_NE(rank.master_port, 1);
  EXPECT_EQ(rank.master_address, "127.0.0.1");
  EXPECT_EQ(rank.interface_name, "");
  EXPECT_EQ(rank.store_server, StoreServer::kRankZero);
}

TEST(LaunchPlan, GivenPortIsTakenAndMustBeFree) {
  const Descriptor taken = listen_on({});
  const std::string port = std::to_string(port_of(taken));
  EXPECT_THROW(plan_launch({.ranks = 1}, {{"MASTER_PORT", port}}), EnvironmentError);
  EXPECT_THROW(
      plan_launch({.ranks = 1, .rendezvous = Rendezvous{.host = "localhost", .port = port_of(taken)}}, {}),
      EnvironmentError);
}

TEST(LaunchPlan, OptionsThatContradictThemselvesAreNamed) {
  EXPECT_THAT(complaint({.ranks = 0}), HasSubstr("--ranks 0"));
  EXPECT_THAT(complaint({.ranks = 1, .nodes = 0}), HasSubstr("--nodes 0"));
  EXPECT_THAT(complaint({.ranks = 1, .nodes = 2, .node_rank = 2}), HasSubstr("--node-rank 2"));
  EXPECT_THAT(complaint({.ranks = 1, .nodes = 2}), HasSubstr("needs --rendezvous"));
  EXPECT_THAT(complaint({.ranks = 1, .interface_name = "nosuch0"}), HasSubstr("'nosuch0'"));
  EXPECT_THAT(complaint({.ranks = 1}, {{"MASTER_PORT", "x"}}), HasSubstr("MASTER_PORT=x"));
  EXPECT_THAT(complaint({.ranks = 1, .nodes = 2, .rendezvous = Rendezvous{.host = "203.0.113.7", .port = 1}}),
              HasSubstr("203.0.113.7"));
}

TEST(Rendezvous, HostAndPortAreParsed) {
  EXPECT_EQ(parse_rendezvous("node0:29500").host, "node0");
  EXPECT_EQ(parse_rendezvous("node0:29500").port, 29500);
  EXPECT_EQ(parse_rendezvous("[fd00::1]:1").host, "fd00::1");
  for (const char* text :
       {"", "node0", "node0:", ":29500", "node0:0", "node0:65536", "node0:x", "fd00::1:29500", "[]:1"})
    EXPECT_THROW(parse_rendezvous(text), InputError) << text;
}

}  // namespace
}  // namespace tandem::launch
