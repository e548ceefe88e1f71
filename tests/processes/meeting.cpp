// SPDX-License-Identifier: Apache-2.0
// A rank without tensors: reads the environment contract, meets all other ranks at the rendezvous as a store
// would, and prints its place. Exit code as tandem's own.
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <poll.h>

#include "tandem/base/error.h"
#include "tandem/launch/environment.h"
#include "tandem/launch/listener.h"
#include "tandem/launch/socket_address.h"

using namespace tandem;
using namespace tandem::launch;

namespace {

constexpr std::chrono::seconds kDeadline{30};

/// Takes a number from every other rank, each once, and then tells all of them to go on.
void receive_all(const RankEnvironment& environment, const Descriptor& listener) {
  std::vector<Descriptor> peers;
  std::set<int> met;
  while (static_cast<int>(met.size()) < environment.world_size - 1) {
    pollfd waiting{.fd = listener.get(), .events = POLLIN};
    if (::poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(kDeadline).count())) != 1)
      throw EnvironmentError("only {} of {} ranks came", met.size() + 1, environment.world_size);
    peers.emplace_back(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    int rank = 0;
    if (::recv(peers.back().get(), &rank, sizeof(rank), MSG_WAITALL) != sizeof(rank) ||
        !met.insert(rank).second)
      throw EnvironmentError("rank {} came twice", rank);
  }
  for (const Descriptor& peer : peers)
    if (::send(peer.get(), "!", 1, MSG_NOSIGNAL) != 1) throw EnvironmentError("a rank has left");
}

void meet_rank_zero(const RankEnvironment& environment) {
  const auto from = numeric_address(environment.interface_address, 0);
  const auto to = numeric_address(environment.master_address, environment.master_port);
  TANDEM_CHECK(from && to, "addresses are numeric");
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  for (;;) {
    const Descriptor socket(::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(socket.get(), from->get(), from->size) == 0 &&
        ::connect(socket.get(), to->get(), to->size) == 0) {
      char answer = 0;
      if (::send(socket.get(), &environment.rank, sizeof(int), MSG_NOSIGNAL) == sizeof(int) &&
          ::recv(socket.get(), &answer, 1, MSG_WAITALL) == 1)
        return;
    }
    if (std::chrono::steady_clock::now() > deadline)
      throw EnvironmentError("rank 0 is not to be had at {} port {}: {}", environment.master_address,
                             environment.master_port, std::strerror(errno));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

int main() try {
  const RankEnvironment environment = read_rank_environment();
  const Descriptor listener = listen_for_ranks(environment);
  if (listener)
    receive_all(environment, listener);
  else
    meet_rank_zero(environment);
  fmt::print("rank {} of {}, local {} of {}, at {} for {}:{}\n", environment.rank, environment.world_size,
             environment.local_rank, environment.local_world_size, environment.interface_address,
             environment.master_address, environment.master_port);
  return 0;
} catch (const Error& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return error.exit_code();
}
