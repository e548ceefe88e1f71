// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/network.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>

#include "tandem/base/descriptor.h"
#include "tandem/base/error.h"
#include "tandem/launch/socket_address.h"

namespace tandem::launch {
namespace {

SocketAddress copy_address(const sockaddr* address, size_t size) {
  SocketAddress copy;
  std::memcpy(&copy.storage, address, size);
  copy.size = static_cast<socklen_t>(size);
  return copy;
}

bool is_link_local(const SocketAddress& address) {
  return address.family() == AF_INET6 &&
         IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr);
}

}  // namespace

std::vector<LocalAddress> local_addresses() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0)
    throw EnvironmentError("cannot list this node's network interfaces: {}", std::strerror(errno));
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(raw, ::freeifaddrs);
  std::vector<LocalAddress> found;
  for (const int family : {AF_INET, AF_INET6})
    for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
      if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != family) continue;
      if ((entry->ifa_flags & IFF_UP) == 0) continue;
      const SocketAddress address =
          copy_address(entry->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
      if (is_link_local(address)) continue;
      found.push_back({.interface_name = entry->ifa_name,
                       .address = to_text(address),
                       .loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0});
    }
  return found;
}

std::string interface_address(const std::string& interface_name) {
  std::set<std::string> known;
  for (const LocalAddress& local : local_addresses()) {
    if (local.interface_name == interface_name) return local.address;
    known.insert(local.interface_name);
  }
  std::string names;
  for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
  throw InputError("interface '{}' is unknown or has no address; this node has {}", interface_name, names);
}

std::string resolve_host(const std::string& host) {
  const addrinfo hints{.ai_flags = 0, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  addrinfo* raw = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw); code != 0)
    throw EnvironmentError("host '{}' cannot be resolved: {}", host, ::gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(raw, ::freeaddrinfo);
  const addrinfo* best = list.get();
  for (const addrinfo* entry = best; entry != nullptr; entry = entry->ai_next)
    if (entry->ai_family == AF_INET && best->ai_family != AF_INET) best = entry;
  return to_text(copy_address(best->ai_addr, best->ai_addrlen));
}

std::string source_address_towards(const std::string& address) {
  // Connecting a datagram socket asks the routing table and sends nothing; any port will do.
  const auto target = numeric_address(address, 9);
  TANDEM_CHECK(target, "'{}' is not numeric", address);
  const Descriptor socket(::socket(target->family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress source;
  source.size = sizeof(source.storage);
  if (socket.get() < 0 || ::connect(socket.get(), target->get(), target->size) != 0 ||
      ::getsockname(socket.get(), source.get(), &source.size) != 0)
    throw EnvironmentError("no route to {}: {}", address, std::strerror(errno));
  return to_text(source);
}

bool names_loopback(const std::string& host) { return host == "localhost" || is_loopback(host); }

bool is_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

bool is_local(const std::string& address) {
  if (is_loopback(address)) return true;
  const auto locals = local_addresses();
  return std::any_of(locals.begin(), locals.end(),
                     [&](const auto& local) { return local.address == address; });
}

}  // namespace tandem::launch
