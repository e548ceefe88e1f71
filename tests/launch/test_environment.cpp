// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/launch/environment.h"
#include "tandem/launch/threads.h"

namespace tandem::launch {
namespace {

using testing::HasSubstr;

Variables torchrun() {
  return {{"RANK", "5"},
          {"LOCAL_RANK", "1"},
          {"WORLD_SIZE", "8"},
          {"LOCAL_WORLD_SIZE", "4"},
          {"MASTER_ADDR", "10.1.2.3"},
          {"MASTER_PORT", "29500"}};
}

Variables slurm() {
  return {{"SLURM_PROCID", "3"},  {"SLURM_NTASKS", "4"},
          {"SLURM_LOCALID", "1"}, {"SLURM_STEP_NODELIST", "node[003-004]"},
          {"SLURM_JOB_ID", "12"}, {"SLURM_STEP_ID", "5"}};
}

Variables with(Variables variables, const Variables& changes) {
  for (const auto& [name, value] : changes) variables[name] = value;
  return variables;
}

Variables without(Variables variables, const std::vector<std::string>& names) {
  for (const std::string& name : names) variables.erase(name);
  return variables;
}

std::string complaint(const Variables& variables) {
  try {
    parse_rank_environment(variables);
  } catch (const InputError& error) {
    return error.what();
  }
  return "none";
}

TEST(RankEnvironment, NothingSetIsOneRank) {
  const RankEnvironment alone = parse_rank_environment({{"PATH", "/bin"}});
  EXPECT_EQ(alone.rank, 0);
  EXPECT_EQ(alone.world_size, 1);
  EXPECT_TRUE(alone.on_one_node());
  EXPECT_EQ(alone.master_port, 0);
}

TEST(RankEnvironment, TorchrunVariablesAreRead) {
  const RankEnvironment rank = parse_rank_environment(with(torchrun(), {{"TANDEM_INTERFACE", "eth1"}}));
  EXPECT_EQ(rank.rank, 5);
  EXPECT_EQ(rank.world_size, 8);
  EXPECT_EQ(rank.local_rank, 1);
  EXPECT_EQ(rank.local_world_size, 4);
  EXPECT_EQ(rank.master_address, "10.1.2.3");
  EXPECT_EQ(rank.master_port, 29500);
  EXPECT_EQ(rank.interface_name, "eth1");
  EXPECT_EQ(rank.store_server, StoreServer::kRankZero);
  EXPECT_FALSE(rank.on_one_node());
}

TEST(RankEnvironment, AgentOfTorchrunServesTheStore) {
  Variables variables = with(torchrun(), {{"TORCHELASTIC_RESTART_COUNT", "2"}});
  EXPECT_EQ(parse_rank_environment(variables).attempt, 0);
  variables["TORCHELASTIC_USE_AGENT_STORE"] = "True";
  EXPECT_EQ(parse_rank_environment(variables).store_server, StoreServer::kAgent);
  EXPECT_EQ(parse_rank_environment(variables).attempt, 2);
  variables["TORCHELASTIC_RESTART_COUNT"] = "x";
  EXPECT_THAT(complaint(variables), HasSubstr("TORCHELASTIC_RESTART_COUNT=x"));
}

TEST(RankEnvironment, LocalPairMayBeAbsentOnLoopbackOnly) {
  const Variables four = without(torchrun(), {"LOCAL_RANK", "LOCAL_WORLD_SIZE"});
  const RankEnvironment rank = parse_rank_environment(with(four, {{"MASTER_ADDR", "localhost"}}));
  EXPECT_EQ(rank.local_rank, 5);
  EXPECT_EQ(rank.local_world_size, 8);
  EXPECT_THAT(complaint(four), HasSubstr("LOCAL_RANK and LOCAL_WORLD_SIZE"));
}

TEST(RankEnvironment, EachMissingVariableIsNamed) {
  for (const auto& [name, value] : torchrun()) {
    const std::string message = complaint(without(torchrun(), {name}));
    EXPECT_THAT(message, testing::ContainsRegex("(, |set, )" + name + "(, [A-Z_]+)* not;")) << name;
  }
  EXPECT_THAT(complaint({{"WORLD_SIZE", "4"}}),
              HasSubstr("WORLD_SIZE set, RANK, MASTER_ADDR, MASTER_PORT not"));
}

TEST(RankEnvironment, MalformedAndContradictingValuesNameTheirVariables) {
  const std::vector<std::pair<Variables, const char*>> cases = {
      {{{"RANK", "8"}}, "RANK=8 is not below WORLD_SIZE=8"},
      {{{"LOCAL_RANK", "4"}}, "LOCAL_RANK=4 is not below LOCAL_WORLD_SIZE=4"},
      {{{"LOCAL_WORLD_SIZE", "9"}}, "LOCAL_WORLD_SIZE=9 is above WORLD_SIZE=8"},
      {{{"RANK", "0"}}, "LOCAL_RANK=1 is above RANK=0"},
      {{{"RANK", "-1"}}, "RANK=-1"},
      {{{"RANK", "1x"}}, "RANK=1x"},
      {{{"WORLD_SIZE", "0"}}, "WORLD_SIZE=0"},
      {{{"WORLD_SIZE", "99999999999999999999"}}, "WORLD_SIZE=9999"},
      {{{"MASTER_PORT", "0"}}, "MASTER_PORT=0"},
      {{{"MASTER_PORT", "65536"}}, "MASTER_PORT=65536"},
      {{{"MASTER_ADDR", ""}}, "MASTER_ADDR is empty"},
      {{{"TANDEM_INTERFACE", ""}}, "TANDEM_INTERFACE is empty"}};
  for (const auto& [changes, expected] : cases)
    EXPECT_THAT(complaint(with(torchrun(), changes)), HasSubstr(expected));
}

TEST(RankEnvironment, SlurmVariablesAreRead) {
  const RankEnvironment rank = parse_rank_environment(slurm());
  EXPECT_EQ(rank.rank, 3);
  EXPECT_EQ(rank.world_size, 4);
  EXPECT_EQ(rank.local_rank, 1);
  EXPECT_EQ(rank.local_world_size, 2);
  EXPECT_EQ(rank.master_address, "node003");
  EXPECT_EQ(rank.master_port, 20000 + 7 * 12 + 5);
}

TEST(RankEnvironment, SlurmTasksOfTheOwnNodeAreCounted) {
  const Variables uneven = with(slurm(), {{"SLURM_STEP_TASKS_PER_NODE", "1,3"}, {"SLURM_NODEID", "1"}});
  EXPECT_EQ(parse_rank_environment(uneven).local_world_size, 3);
}

TEST(RankEnvironment, MasterVariablesOverrideSlurm) {
  const RankEnvironment rank =
      parse_rank_environment(with(slurm(), {{"MASTER_PORT", "1234"}, {"MASTER_ADDR", "ib-node003"}}));
  EXPECT_EQ(rank.master_port, 1234);
  EXPECT_EQ(rank.master_address, "ib-node003");
}

TEST(RankEnvironment, RankOfALaunchInsideSlurmWins) {
  Variables both = with(torchrun(), slurm());
  EXPECT_EQ(parse_rank_environment(both).rank, 5);
}

TEST(RankEnvironment, BatchScriptOutsideAnyStepIsOneRankOnlyIfItHasOneTask) {
  const Variables batch = without(slurm(), {"SLURM_STEP_NODELIST", "SLURM_STEP_ID"});
  EXPECT_THAT(complaint(batch), HasSubstr("srun"));
  EXPECT_EQ(parse_rank_environment(with(batch, {{"SLURM_NTASKS", "1"}})).world_size, 1);
  EXPECT_EQ(parse_rank_environment(without(batch, {"SLURM_NTASKS"})).world_size, 1);
}

TEST(RankEnvironment, WrongSlurmVariablesAreNamed) {
  EXPECT_THAT(complaint(without(slurm(), {"SLURM_NTASKS"})), HasSubstr("SLURM_NTASKS is not set"));
  EXPECT_THAT(complaint(without(slurm(), {"SLURM_LOCALID"})), HasSubstr("SLURM_LOCALID is not set"));
  EXPECT_THAT(complaint(without(slurm(), {"SLURM_JOB_ID"})), HasSubstr("SLURM_JOB_ID is not set"));
  EXPECT_THAT(complaint(with(slurm(), {{"SLURM_PROCID", "4"}})),
              HasSubstr("SLURM_PROCID=4 is not below SLURM_NTASKS=4"));
  EXPECT_THAT(complaint(with(slurm(), {{"WORLD_SIZE", "8"}})),
              HasSubstr("WORLD_SIZE=8 contradicts SLURM_NTASKS=4"));
  EXPECT_THAT(complaint(with(slurm(), {{"SLURM_STEP_NODELIST", "node["}})), HasSubstr("'node['"));
}

TEST(SlurmPort, IsTheDocumentedFormula) {
  EXPECT_EQ(slurm_port(1, 0), 20007);
  EXPECT_EQ(slurm_port(2857, 1), 20000);
  EXPECT_EQ(slurm_port(123456, 7), 20000 + (7 * 123456 + 7) % 20000);
  EXPECT_EQ(slurm_port(4294967295u, 4294967290u), 20000 + (7ull * 4294967295u + 4294967290u) % 20000);
}

TEST(ThreadsPerRank, CoresAreDividedUnlessSomebodyChose) {
  const RankEnvironment four{.world_size = 4, .local_world_size = 4};
  EXPECT_EQ(threads_per_rank({}, four, 16), 4);
  EXPECT_EQ(threads_per_rank({}, four, 2), 1);
  EXPECT_EQ(threads_per_rank({{"SLURM_CPUS_PER_TASK", "3"}}, four, 16), 3);
  EXPECT_EQ(threads_per_rank({{"OMP_NUM_THREADS", "2"}, {"SLURM_CPUS_PER_TASK", "3"}}, four, 16), 2);
  EXPECT_EQ(threads_per_rank({{"OMP_NUM_THREADS", "two"}}, four, 16), 4);
  EXPECT_GE(threads_per_rank({}, four), 1);
}

}  // namespace
}  // namespace tandem::launch
