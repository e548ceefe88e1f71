// SPDX-License-Identifier: Apache-2.0
// The half of environment.h that asks this node's network.
#include "tandem/base/error.h"
#include "tandem/launch/environment.h"
#include "tandem/launch/network.h"

namespace tandem::launch {
namespace {

/// Returns the address of a node whose own name leads to loopback, as Debian's /etc/hosts makes it: no other
/// node can use that one.
std::string only_outside_address(const std::string& host) {
  std::string found;
  for (const LocalAddress& local : local_addresses()) {
    if (local.loopback) continue;
    if (!found.empty() && found != local.address)
      throw InputError(
          "host '{}' resolves to loopback here and this node has several other addresses; choose an "
          "interface with --interface or TANDEM_INTERFACE",
          host);
    found = local.address;
  }
  if (found.empty())
    throw InputError("host '{}' resolves to loopback here: other nodes cannot reach it", host);
  return found;
}

void use_interface(RankEnvironment& environment, const std::string& master) {
  environment.interface_address = interface_address(environment.interface_name);
  environment.master_address = master;
  if (environment.store_server == StoreServer::kAgent) return;
  if (is_local(master) && !is_loopback(master) && master != environment.interface_address)
    throw InputError("the rendezvous {} is not the address of interface '{}', which is {}", master,
                     environment.interface_name, environment.interface_address);
  // Rank 0 listens on the interface, whatever this node calls itself; its neighbours go there too.
  if (environment.rank == 0 || is_local(master)) environment.master_address = environment.interface_address;
}

void choose_interface(RankEnvironment& environment, const std::string& master) {
  const std::string host = environment.master_address;
  environment.master_address = master;
  if (is_loopback(master) && !names_loopback(host)) {
    environment.interface_address = only_outside_address(host);
    if (environment.store_server == StoreServer::kRankZero)
      environment.master_address = environment.interface_address;
    return;
  }
  environment.interface_address = is_local(master) ? master : source_address_towards(master);
  if (environment.rank == 0 && environment.store_server == StoreServer::kRankZero && !is_local(master))
    throw InputError(
        "the rendezvous {} is not an address of rank 0's node; start rank 0 there, or choose an interface "
        "with --interface or TANDEM_INTERFACE",
        host);
}

}  // namespace

RankEnvironment with_addresses(RankEnvironment environment) {
  const bool named = !environment.interface_name.empty();
  if (environment.on_one_node() && environment.store_server == StoreServer::kRankZero) {
    environment.interface_address = named ? interface_address(environment.interface_name) : "127.0.0.1";
    environment.master_address = environment.interface_address;
    return environment;
  }
  const std::string master = resolve_host(environment.master_address);
  if (named)
    use_interface(environment, master);
  else
    choose_interface(environment, master);
  return environment;
}

}  // namespace tandem::launch
