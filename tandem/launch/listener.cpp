// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/listener.h"

#include <cerrno>
#include <cstring>

#include "tandem/base/error.h"
#include "tandem/launch/socket_address.h"

namespace tandem::launch {
namespace {

// What TCPStore asks for too; the kernel cuts it to net.core.somaxconn. All ranks connect at once.
constexpr int kBacklog = 2048;

[[noreturn]] void fail(const Endpoint& endpoint, int error) {
  if (error == EADDRINUSE)
    throw EnvironmentError("port {} of {} is in use: choose another, or end the program that listens there",
                           endpoint.port, endpoint.address);
  if (error == EADDRNOTAVAIL)
    throw InputError("{} is not an address of this node: rank 0 and its rendezvous belong on one node",
                     endpoint.address);
  if (error == EACCES)
    throw InputError("port {} may not be used by this user: choose one from 1024 on", endpoint.port);
  throw EnvironmentError("cannot listen on {} port {}: {}", endpoint.address, endpoint.port,
                         std::strerror(error));
}

Descriptor bind_to(const Endpoint& endpoint) {
  const auto address = numeric_address(endpoint.address, endpoint.port);
  TANDEM_CHECK(address, "'{}' is not numeric", endpoint.address);
  Descriptor socket(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      ::bind(socket.get(), address->get(), address->size) != 0)
    fail(endpoint, errno);
  return socket;
}

}  // namespace

Descriptor listen_on(const Endpoint& endpoint) {
  Descriptor socket = bind_to(endpoint);
  if (::listen(socket.get(), kBacklog) != 0) fail(endpoint, errno);
  return socket;
}

uint16_t port_of(const Descriptor& socket) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  if (::getsockname(socket.get(), address.get(), &address.size) != 0)
    throw EnvironmentError("a socket has no address: {}", std::strerror(errno));
  return address.port();
}

Descriptor listen_for_ranks(const RankEnvironment& environment) {
  if (environment.rank != 0 || environment.world_size == 1 || environment.store_server == StoreServer::kAgent)
    return {};
  return listen_on({.address = environment.interface_address, .port = environment.master_port});
}

PortReservation::PortReservation(const Endpoint& endpoint) : socket_(bind_to(endpoint)) {}

}  // namespace tandem::launch
