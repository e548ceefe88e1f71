// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tandem/launch/environment.h"
#include "tandem/launch/listener.h"
#include "tandem/launch/rank_process.h"
#include "tandem/launch/restart_policy.h"

namespace tandem::launch {

/// Where the ranks of several nodes meet, as written on the command line.
struct Rendezvous {
  std::string host;
  uint16_t port = 0;
};

/// Parses `HOST:PORT`, with an IPv6 address in brackets. Throws InputError.
Rendezvous parse_rendezvous(const std::string& text);

/// What the user asked of the launcher.
struct LaunchOptions {
  Program program;
  int ranks = 1;      ///< of this node
  int nodes = 1;      ///< each with as many ranks
  int node_rank = 0;  ///< place of this node
  std::optional<Rendezvous> rendezvous;
  std::string interface_name;  ///< empty: loopback on one node, else what leads to the rendezvous
  std::string log_folder;      ///< empty: no logs
  std::chrono::milliseconds stop_grace{1200};  ///< from a rank's failure to the SIGKILL of the others
  std::chrono::seconds signal_grace{600};      ///< from a signal to the SIGKILL of the ranks
  /// How long ranks may outlive the first that ended well; empty: as long as they like.
  std::optional<std::chrono::seconds> finish_grace;
  RestartLimits restarts;
  int output_descriptor = 1, error_descriptor = 2;
};

/// What will be started on this node.
struct LaunchPlan {
  std::vector<Variables> ranks;                ///< the environment of each local rank
  int first_rank = 0;                          ///< global rank of the first of them
  std::optional<PortReservation> reservation;  ///< held by node 0 while its ranks live
};

/// Decides each rank's environment on top of `variables`: torchrun's contract, and threads (cores divided by
/// ranks) unless OMP_NUM_THREADS is set. Port: the rendezvous's, else on one node MASTER_PORT if set (and
/// RANK is not: then it belongs to an outer job), else a free one. Throws InputError for what contradicts
/// itself, EnvironmentError if the port is in use.
LaunchPlan plan_launch(const LaunchOptions& options, const Variables& variables);

}  // namespace tandem::launch
