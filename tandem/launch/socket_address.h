// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>

namespace tandem::launch {

/// An address in the form that system calls take.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  uint16_t port() const;
};

/// Makes one of a numeric IPv4 or IPv6 address; empty if `address` is no such thing.
std::optional<SocketAddress> numeric_address(const std::string& address, uint16_t port);

/// Formats the address without its port.
std::string to_text(const SocketAddress& address);

}  // namespace tandem::launch
