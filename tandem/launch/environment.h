// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tandem::launch {

/// Environment variables by name.
using Variables = std::map<std::string, std::string>;

/// Returns this process's variables.
Variables process_variables();

/// Who serves the store where the ranks meet.
enum class StoreServer {
  kRankZero,  ///< rank 0 listens at the master address and port
  kAgent,     ///< torchrun's agent does (TORCHELASTIC_USE_AGENT_STORE); all ranks are clients
};

/// What a rank knows about its job before it has spoken to any other: the environment contract.
struct RankEnvironment {
  int rank = 0;
  int world_size = 1;
  int local_rank = 0;        ///< place among the ranks of this node
  int local_world_size = 1;  ///< ranks of this node
  std::string master_address = "127.0.0.1";
  uint16_t master_port = 0;  ///< 0: alone, nobody needs to know it
  StoreServer store_server = StoreServer::kRankZero;
  int attempt = 0;  ///< restarts of the ranks that the store has outlived; 0 where rank 0 serves it
  std::string interface_name;  ///< TANDEM_INTERFACE; empty: not chosen
  /// Numeric address of this node that this rank binds to; rank 0 serves the store there.
  std::string interface_address = "127.0.0.1";

  bool on_one_node() const { return local_world_size == world_size; }
};

/// Reads the contract from torchrun's variables (RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR,
/// MASTER_PORT), else from Slurm's (SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID, SLURM_STEP_NODELIST,
/// SLURM_JOB_ID, SLURM_STEP_ID; MASTER_ADDR and MASTER_PORT override host and port), else one rank.
/// Under torchrun's agent also TORCHELASTIC_USE_AGENT_STORE and TORCHELASTIC_RESTART_COUNT.
/// LOCAL_RANK and LOCAL_WORLD_SIZE may both be absent where the master is this machine's loopback. Pure:
/// `interface_address` is not looked up yet. Throws InputError naming variables that are missing,
/// malformed or contradict each other.
RankEnvironment parse_rank_environment(const Variables& variables);

/// Fills `interface_address` and makes `master_address` numeric: the chosen interface's address; loopback if
/// all ranks are on one node and rank 0 serves the store; else the address of this node from which the master
/// is reached, which is the master's own where it is on this node. Asks the
/// name service and the routing table, sends nothing. Throws InputError (unknown interface, a master that is
/// not this node at rank 0) or EnvironmentError (unknown host).
RankEnvironment with_addresses(RankEnvironment environment);

/// Reads this process's contract with its addresses. Each rank calls it once, before any communication.
RankEnvironment read_rank_environment();

/// Returns the port that all tasks of a Slurm step agree on without speaking:
/// 20000 + (7 x job + step) mod 20000.
uint16_t slurm_port(uint64_t job, uint64_t step);

}  // namespace tandem::launch
