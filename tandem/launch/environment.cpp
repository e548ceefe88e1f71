// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/environment.h"

#include <array>
#include <limits>
#include <string_view>

#include <unistd.h>

#include "tandem/base/error.h"
#include "tandem/launch/host_list.h"
#include "tandem/launch/network.h"
#include "tandem/launch/variable_reader.h"

namespace tandem::launch {
namespace {

constexpr std::array kTorchrunNames = {"RANK",        "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE",
                                       "MASTER_ADDR", "MASTER_PORT"};

void check_below(std::string_view index_name, int index, std::string_view count_name, int count) {
  if (index >= count) throw InputError("{}={} is not below {}={}", index_name, index, count_name, count);
}

std::string join(const std::string& list, std::string_view name) {
  return list.empty() ? std::string(name) : list + ", " + std::string(name);
}

/// Throws unless what cannot do without each other is all there.
void check_complete(const VariableReader& reader) {
  std::string present, absent;
  for (const std::string name : kTorchrunNames) {
    const bool optional = name == "LOCAL_RANK" || name == "LOCAL_WORLD_SIZE";
    if (reader.has(name))
      present = join(present, name);
    else if (!optional)
      absent = join(absent, name);
  }
  if (reader.has("LOCAL_RANK") != reader.has("LOCAL_WORLD_SIZE"))
    absent = join(absent, reader.has("LOCAL_RANK") ? "LOCAL_WORLD_SIZE" : "LOCAL_RANK");
  if (!absent.empty())
    throw InputError(
        "the environment of a rank is incomplete: {} set, {} not; set all of them, or none for one rank",
        present, absent);
}

RankEnvironment parse_torchrun(const VariableReader& reader) {
  check_complete(reader);
  RankEnvironment environment{.rank = reader.index("RANK"),
                              .world_size = reader.count("WORLD_SIZE"),
                              .master_address = reader.text("MASTER_ADDR"),
                              .master_port = reader.port()};
  check_below("RANK", environment.rank, "WORLD_SIZE", environment.world_size);
  if (reader.has("LOCAL_RANK")) {
    environment.local_rank = reader.index("LOCAL_RANK");
    environment.local_world_size = reader.count("LOCAL_WORLD_SIZE");
  } else if (names_loopback(environment.master_address) || environment.world_size == 1) {
    environment.local_rank = environment.rank;
    environment.local_world_size = environment.world_size;
  } else {
    throw InputError(
        "LOCAL_RANK and LOCAL_WORLD_SIZE are not set, and MASTER_ADDR={} does not say that all ranks are on "
        "one node; set them",
        environment.master_address);
  }
  check_below("LOCAL_RANK", environment.local_rank, "LOCAL_WORLD_SIZE", environment.local_world_size);
  if (environment.local_world_size > environment.world_size)
    throw InputError("LOCAL_WORLD_SIZE={} is above WORLD_SIZE={}", environment.local_world_size,
                     environment.world_size);
  if (environment.local_rank > environment.rank)
    throw InputError("LOCAL_RANK={} is above RANK={}", environment.local_rank, environment.rank);
  if (reader.has("TORCHELASTIC_USE_AGENT_STORE") && reader.text("TORCHELASTIC_USE_AGENT_STORE") == "True") {
    environment.store_server = StoreServer::kAgent;
    if (reader.has("TORCHELASTIC_RESTART_COUNT"))
      environment.attempt = reader.index("TORCHELASTIC_RESTART_COUNT");
  }
  return environment;
}

int slurm_local_world_size(const VariableReader& reader, int world_size) {
  if (reader.has("LOCAL_WORLD_SIZE")) return reader.count("LOCAL_WORLD_SIZE");
  if (reader.has("SLURM_STEP_TASKS_PER_NODE") && reader.has("SLURM_NODEID"))
    return static_cast<int>(
        tasks_of_node(reader.text("SLURM_STEP_TASKS_PER_NODE"), reader.index("SLURM_NODEID")));
  const int64_t nodes = parse_host_list(reader.text("SLURM_STEP_NODELIST")).count;
  return static_cast<int>((world_size + nodes - 1) / nodes);
}

/// Throws if a variable that a batch script exported contradicts Slurm's own.
void check_agrees(const VariableReader& reader, const std::string& name, const std::string& slurm_name) {
  if (reader.has(name) && reader.text(name) != reader.text(slurm_name))
    throw InputError("{}={} contradicts {}={}; unset {}", name, reader.text(name), slurm_name,
                     reader.text(slurm_name), name);
}

RankEnvironment parse_slurm(const VariableReader& reader) {
  RankEnvironment environment{.rank = reader.index("SLURM_PROCID"),
                              .world_size = reader.count("SLURM_NTASKS"),
                              .local_rank = reader.index("SLURM_LOCALID")};
  check_agrees(reader, "WORLD_SIZE", "SLURM_NTASKS");
  check_agrees(reader, "LOCAL_RANK", "SLURM_LOCALID");
  check_below("SLURM_PROCID", environment.rank, "SLURM_NTASKS", environment.world_size);
  environment.local_world_size = slurm_local_world_size(reader, environment.world_size);
  check_below("SLURM_LOCALID", environment.local_rank, "the tasks of this node",
              environment.local_world_size);
  if (environment.local_world_size > environment.world_size)
    throw InputError("{} tasks on this node are more than SLURM_NTASKS={}", environment.local_world_size,
                     environment.world_size);
  environment.master_address = reader.has("MASTER_ADDR")
                                   ? reader.text("MASTER_ADDR")
                                   : parse_host_list(reader.text("SLURM_STEP_NODELIST")).first;
  constexpr Range kAny{.low = 0, .high = std::numeric_limits<int64_t>::max()};
  environment.master_port = reader.has("MASTER_PORT")
                                ? reader.port()
                                : slurm_port(static_cast<uint64_t>(reader.number("SLURM_JOB_ID", kAny)),
                                             static_cast<uint64_t>(reader.number("SLURM_STEP_ID", kAny)));
  return environment;
}

/// Says whether srun started this process. A batch script has SLURM_PROCID too, but belongs to no step.
bool is_slurm_task(const VariableReader& reader) {
  if (!reader.has("SLURM_PROCID")) return false;
  if (reader.has("SLURM_STEP_NODELIST") || reader.has("SLURM_STEP_ID")) return true;
  if (reader.has("SLURM_NTASKS") && reader.count("SLURM_NTASKS") > 1)
    throw InputError(
        "SLURM_NTASKS={} but this is no task of a step (no SLURM_STEP_NODELIST); start it with srun or "
        "tandem launch",
        reader.count("SLURM_NTASKS"));
  return false;
}

}  // namespace

Variables process_variables() {
  Variables variables;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (const size_t equals = text.find('='); equals != std::string_view::npos)
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

RankEnvironment parse_rank_environment(const Variables& variables) {
  const VariableReader reader(variables);
  RankEnvironment environment;
  if (reader.has("RANK")) {
    environment = parse_torchrun(reader);
  } else if (is_slurm_task(reader)) {
    environment = parse_slurm(reader);
  } else {
    for (const char* name : kTorchrunNames)
      if (reader.has(name)) check_complete(reader);
  }
  if (reader.has("TANDEM_INTERFACE")) environment.interface_name = reader.text("TANDEM_INTERFACE");
  return environment;
}

RankEnvironment read_rank_environment() {
  return with_addresses(parse_rank_environment(process_variables()));
}

uint16_t slurm_port(uint64_t job, uint64_t step) {
  // Reduced before the sum, so that no number is too large for it.
  return static_cast<uint16_t>(20000 + (7 * (job % 20000) + step % 20000) % 20000);
}

}  // namespace tandem::launch
