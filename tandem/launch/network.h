// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace tandem::launch {

/// An address of this node.
struct LocalAddress {
  std::string interface_name;
  std::string address;  ///< numeric
  bool loopback = false;
};

/// Lists the addresses of this node's interfaces that are up: IPv4 before IPv6, no link-local ones.
std::vector<LocalAddress> local_addresses();

/// Returns the numeric address of an interface, its IPv4 address if it has one. Throws InputError naming the
/// interfaces there are.
std::string interface_address(const std::string& interface_name);

/// Resolves a host name or numeric address to a numeric address, IPv4 if it has one. May wait for the name
/// service. Throws EnvironmentError where the name is unknown.
std::string resolve_host(const std::string& host);

/// Returns this node's address from which packets to `address` (numeric) would leave. Sends nothing.
/// Throws EnvironmentError where no route leads there.
std::string source_address_towards(const std::string& address);

/// Says whether a numeric address is one of loopback.
bool is_loopback(const std::string& address);

/// Says whether a host as the user wrote it is loopback by its spelling alone. Asks nobody.
bool names_loopback(const std::string& host);

/// Says whether a numeric address is one of this node's.
bool is_local(const std::string& address);

}  // namespace tandem::launch
