// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/launch_plan.h"

#include "tandem/base/error.h"
#include "tandem/launch/number.h"
#include "tandem/launch/threads.h"

namespace tandem::launch {
namespace {

constexpr int kMostRanksOfNode = 1024;
constexpr int kMostNodes = 100'000;

void check(const LaunchOptions& options) {
  if (options.ranks < 1 || options.ranks > kMostRanksOfNode)
    throw InputError("--ranks {} is not from 1 to {}", options.ranks, kMostRanksOfNode);
  if (options.nodes < 1 || options.nodes > kMostNodes)
    throw InputError("--nodes {} is not from 1 to {}", options.nodes, kMostNodes);
  if (options.node_rank < 0 || options.node_rank >= options.nodes)
    throw InputError("--node-rank {} is not from 0 to {} (--nodes {})", options.node_rank, options.nodes - 1,
                     options.nodes);
  if (options.restarts.max_restarts < 0)
    throw InputError("--max-restarts {} is not from 0 on", options.restarts.max_restarts);
  if (options.nodes > 1 && !options.rendezvous)
    throw InputError("--nodes {} needs --rendezvous HOST:PORT, an address of node 0", options.nodes);
}

/// Returns what the contract says about the first rank of this node, addresses looked up.
RankEnvironment first_environment(const LaunchOptions& options, const Variables& variables) {
  RankEnvironment first{.rank = options.node_rank * options.ranks,
                        .world_size = options.nodes * options.ranks,
                        .local_world_size = options.ranks,
                        .interface_name = options.interface_name};
  if (options.rendezvous) {
    first.master_address = options.rendezvous->host;
    first.master_port = options.rendezvous->port;
  } else if (variables.contains("MASTER_PORT") && !variables.contains("RANK")) {
    const auto port = parse_number(variables.at("MASTER_PORT"));
    if (!port || *port < 1 || *port > 65535)
      throw InputError("MASTER_PORT={} is not a port from 1 to 65535", variables.at("MASTER_PORT"));
    first.master_port = static_cast<uint16_t>(*port);
  }
  return with_addresses(first);
}

Variables rank_variables(const Variables& base, const RankEnvironment& first, int local_rank) {
  Variables variables = base;
  variables["RANK"] = std::to_string(first.rank + local_rank);
  variables["LOCAL_RANK"] = std::to_string(local_rank);
  variables["WORLD_SIZE"] = std::to_string(first.world_size);
  variables["LOCAL_WORLD_SIZE"] = std::to_string(first.local_world_size);
  variables["MASTER_ADDR"] = first.master_address;
  variables["MASTER_PORT"] = std::to_string(first.master_port);
  // An agent of an outer torchrun serves its own ranks, not these.
  variables.erase("TORCHELASTIC_USE_AGENT_STORE");
  variables.erase("TANDEM_INTERFACE");
  if (!first.interface_name.empty()) variables["TANDEM_INTERFACE"] = first.interface_name;
  const std::string threads = std::to_string(threads_per_rank(base, first));
  variables.emplace("OMP_NUM_THREADS", threads);
  variables.emplace("MKL_NUM_THREADS", variables["OMP_NUM_THREADS"]);
  return variables;
}

}  // namespace

Rendezvous parse_rendezvous(const std::string& text) {
  const size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon == std::string::npos ? 0 : colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto port = colon == std::string::npos ? std::nullopt : parse_number(text.substr(colon + 1));
  const bool ambiguous = host.find_first_of(bracketed ? "[]" : "[]:") != std::string::npos;
  if (host.empty() || ambiguous || !port || *port < 1 || *port > 65535)
    throw InputError("--rendezvous '{}' is not HOST:PORT, as in node0:29500 or [fd00::1]:29500", text);
  return {.host = host, .port = static_cast<uint16_t>(*port)};
}

LaunchPlan plan_launch(const LaunchOptions& options, const Variables& variables) {
  check(options);
  RankEnvironment first = first_environment(options, variables);
  LaunchPlan plan{.first_rank = first.rank};
  if (options.node_rank == 0) {
    plan.reservation.emplace(Endpoint{.address = first.interface_address, .port = first.master_port});
    first.master_port = plan.reservation->port();
  }
  for (int local_rank = 0; local_rank < options.ranks; ++local_rank)
    plan.ranks.push_back(rank_variables(variables, first, local_rank));
  return plan;
}

}  // namespace tandem::launch
