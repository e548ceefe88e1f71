// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tandem/comm/group.h"
#include "tandem/comm/store_channel.h"
#include "tandem/layout/mesh.h"

namespace tandem::comm {

/// Where the ranks of a job find each other.
struct Rendezvous {
  std::string master_address;
  uint16_t master_port = 0;
  int rank = 0;
  int world_size = 1;
  /// A socket that already listens on the master's address. The rank that has one serves the store: rank 0,
  /// or none where somebody outside the job serves.
  int listen_descriptor = -1;
  /// How often the job was restarted. A store from outside outlives its ranks; each attempt has keys of its
  /// own there.
  int attempt = 0;
  /// The address that this rank's own listening sockets are bound to. Never all interfaces.
  std::string own_address = "127.0.0.1";
  std::chrono::milliseconds join_deadline{60'000};
  std::chrono::milliseconds collective_deadline{600'000};
};

/// The job's ranks, able to form groups. One object a rank.
class World {
 public:
  /// Joins the job over TCP: one rank serves the key-value store, all connect; blocks until all have
  /// joined. Takes over the listening socket, and closes it where it throws or the job is one rank. Throws
  /// EnvironmentError when a rank is missing at the deadline, or the port cannot be used.
  static World join(const Rendezvous& rendezvous);

  /// Makes the worlds of `size` ranks that are threads of this process, in rank order.
  static std::vector<World> in_threads(int size, std::chrono::milliseconds collective_deadline);

  /// Makes the world of a single rank.
  static World alone();

  int rank() const { return rank_; }
  int size() const { return size_; }
  /// Returns 0 .. size() - 1.
  std::vector<int> all_ranks() const;

  /// Returns the same ranks with names of groups of their own, so that a second mesh of them can be made. All
  /// ranks give the same name, new. Does not communicate.
  World within(const std::string& name) const;

  /// Makes the channel of all ranks through the store, over a connection of its own: other channels and
  /// groups are not held up while it waits, at most until `deadline` (unset: the job's). The name must be
  /// new. EnvironmentError where the store is lost.
  StoreChannel make_channel(const std::string& name,
                            std::optional<std::chrono::milliseconds> deadline = {}) const;

  /// Makes the group of some ranks, ascending, this one among them. Only they call; blocks until they have.
  /// The name must be the same on all of them and new.
  Group make_group(const std::string& name, const std::vector<int>& ranks) const;

 private:
  struct State;
  World(int rank, int size, std::shared_ptr<State> state);

  int rank_ = 0;
  int size_ = 1;
  std::shared_ptr<State> state_;
};

/// The groups of one rank along the axes of the mesh.
struct MeshGroups {
  Group world;
  Group data;
  Group tensor;
  Group pipeline;
};

/// Makes the groups of this rank. All ranks of the world call; world.size() must be mesh.size().
MeshGroups make_mesh_groups(const World& world, const layout::Mesh& mesh);

}  // namespace tandem::comm
