// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "tandem/base/descriptor.h"
#include "tandem/launch/environment.h"

namespace tandem::launch {

/// Where a store listens: a numeric address of this node, and a port (0: a free one is chosen).
struct Endpoint {
  std::string address = "127.0.0.1";
  uint16_t port = 0;
};

/// Binds a listening TCP socket to that one address, never to all of them. It is not inherited by programs
/// started later. Throws EnvironmentError if the port is in use, InputError if the address is not this
/// node's.
Descriptor listen_on(const Endpoint& endpoint);

/// Returns the port that a bound socket has.
uint16_t port_of(const Descriptor& socket);

/// Binds the job's rendezvous on rank 0 (for c10d::TCPStore's masterListenFd, which takes ownership of the
/// released descriptor). Returns an empty descriptor on every other rank, for a job of one rank, and where
/// torchrun's agent serves the store. Throws as listen_on.
Descriptor listen_for_ranks(const RankEnvironment& environment);

/// Keeps a port for rank 0 from the choice until it listens there: a socket that is bound but does not
/// listen. It keeps the system from handing the port to anyone else, and lets a socket with SO_REUSEADDR (as
/// listen_on and c10d make) listen there.
class PortReservation {
 public:
  /// Throws as listen_on; a port on which somebody listens already counts as in use.
  explicit PortReservation(const Endpoint& endpoint);
  uint16_t port() const { return port_of(socket_); }

 private:
  Descriptor socket_;
};

}  // namespace tandem::launch
