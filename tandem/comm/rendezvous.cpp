// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/rendezvous.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <future>
#include <numeric>
#include <thread>
#include <utility>

#include <c10/util/Logging.h>
#include <fmt/ranges.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "tandem/base/descriptor.h"
#include "tandem/base/error.h"
#include "tandem/comm/c10d_backend.h"
#include "tandem/comm/gloo_group.h"
#include "tandem/comm/lost_peer.h"

namespace tandem::comm {

struct World::State {
  c10::intrusive_ptr<c10d::Store> store;
  std::string own_address;
  std::chrono::milliseconds collective_deadline{0};
};

namespace {

// Where a rank is missing, libtorch writes stack traces to standard error by itself; all they say is in the
// error thrown.
void silence_libtorch() {
  constexpr int kOnlyFatal = 3;
  FLAGS_caffe2_log_level = std::max(FLAGS_caffe2_log_level, kOnlyFatal);
}

using Clock = std::chrono::steady_clock;

// For the store's own message of what it waited for, which says more.
constexpr std::chrono::seconds kGrace{1};

c10::intrusive_ptr<c10d::TCPStore> open_store(const Rendezvous& rendezvous, Descriptor& listener,
                                              Clock::time_point deadline) {
  c10d::TCPStoreOptions options;
  options.port = rendezvous.master_port;
  options.isServer = rendezvous.listen_descriptor >= 0;
  options.timeout = rendezvous.join_deadline;
  // The store would wait for the others on the rank that serves only.
  options.waitWorkers = false;
  // libuv's server would listen on all interfaces; the other one takes over a bound socket.
  options.useLibUV = false;
  if (options.isServer) options.masterListenFd = listener.release();
  // What accepts the connection and never answers, because it is no store, would be awaited for ever. The
  // thread is left to itself then: the run ends.
  std::promise<c10::intrusive_ptr<c10d::TCPStore>> opened;
  auto store = opened.get_future();
  std::thread([options, address = rendezvous.master_address, opened = std::move(opened)]() mutable {
    try {
      opened.set_value(c10::make_intrusive<c10d::TCPStore>(address, options));
    } catch (...) {
      opened.set_exception(std::current_exception());
    }
  }).detach();
  if (store.wait_until(deadline + kGrace) == std::future_status::timeout)
    throw EnvironmentError("what listens there does not answer as a store");
  return store.get();
}

/// Blocks until all ranks have come to this line.
void await_all(c10d::Store& store, const Rendezvous& rendezvous, Clock::time_point deadline) {
  const std::string all = "all_joined";
  if (store.add("joined", 1) == rendezvous.world_size) store.set(all, std::vector<uint8_t>{1});
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  store.wait({all}, std::max(left, std::chrono::milliseconds(1)));
}

// c10d's errors have several lines and no cause that a user would know.
template <class Action>
auto told_in_a_line(const std::string& channel, const Action& action) {
  try {
    return action();
  } catch (const std::exception& error) {
    throw LostPeerError("channel '{}': the job's store or a rank is lost: {}", channel,
                        first_sentence(error));
  }
}

class StoreKeys final : public Keys {
 public:
  StoreKeys(c10::intrusive_ptr<c10d::Store> store, std::string name, std::chrono::milliseconds deadline)
      : store_(std::move(store)), name_(std::move(name)), deadline_(deadline) {}

  void set(const std::string& key, const std::string& text) override {
    told_in_a_line(name_, [&] { store_->set(key, std::vector<uint8_t>(text.begin(), text.end())); });
  }
  std::string get(const std::string& key) override {
    return told_in_a_line(name_, [&] {
      store_->wait({key}, deadline_);
      const std::vector<uint8_t> bytes = store_->get(key);
      return std::string(bytes.begin(), bytes.end());
    });
  }
  void remove(const std::string& key) override {
    told_in_a_line(name_, [&] { store_->deleteKey(key); });
  }

 private:
  c10::intrusive_ptr<c10d::Store> store_;
  std::string name_;
  std::chrono::milliseconds deadline_;
};

}  // namespace

World::World(int rank, int size, std::shared_ptr<State> state)
    : rank_(rank), size_(size), state_(std::move(state)) {}

World World::alone() { return {0, 1, nullptr}; }

World World::join(const Rendezvous& rendezvous) {
  Descriptor listener(rendezvous.listen_descriptor);
  if (rendezvous.world_size == 1) return alone();
  silence_libtorch();
  const auto deadline = Clock::now() + rendezvous.join_deadline;
  try {
    const auto server = open_store(rendezvous, listener, deadline);
    const auto store =
        c10::make_intrusive<c10d::PrefixStore>(fmt::format("tandem/{}", rendezvous.attempt), server);
    await_all(*store, rendezvous, deadline);
    server->setTimeout(rendezvous.collective_deadline);
    return {rendezvous.rank, rendezvous.world_size,
            std::make_shared<State>(State{store, rendezvous.own_address, rendezvous.collective_deadline})};
  } catch (const std::exception& error) {
    throw EnvironmentError(
        "rank {} of {} could not join at {}:{} within {} s: {}; are all ranks started, is the port free?",
        rendezvous.rank, rendezvous.world_size, rendezvous.master_address, rendezvous.master_port,
        std::chrono::duration<double>(rendezvous.join_deadline).count(), first_sentence(error));
  }
}

std::vector<World> World::in_threads(int size, std::chrono::milliseconds collective_deadline) {
  // c10d's flight recorder, one for the process, adds a group's first collective to a map without a lock:
  // ranks that are threads would break it.
  ::setenv("TORCH_FR_BUFFER_SIZE", "0", /*replace=*/1);
  auto store = c10::make_intrusive<c10d::HashStore>();
  store->setTimeout(collective_deadline);
  std::vector<World> worlds;
  for (int rank = 0; rank < size; ++rank)
    worlds.push_back({rank, size, std::make_shared<State>(State{store, "127.0.0.1", collective_deadline})});
  return worlds;
}

World World::within(const std::string& name) const {
  if (state_ == nullptr) return *this;
  State state = *state_;
  state.store = c10::make_intrusive<c10d::PrefixStore>(name, state.store);
  return {rank_, size_, std::make_shared<State>(std::move(state))};
}

std::vector<int> World::all_ranks() const {
  std::vector<int> ranks(static_cast<size_t>(size_));
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

StoreChannel World::make_channel(const std::string& name,
                                 std::optional<std::chrono::milliseconds> deadline) const {
  if (size_ == 1) return {};
  // A connection of its own: one that waits for a key is closed to all other calls.
  const auto own = told_in_a_line(name, [&] { return state_->store->clone(); });
  auto store = c10::make_intrusive<c10d::PrefixStore>("channel/" + name, own);
  return {std::make_shared<StoreKeys>(std::move(store), name, deadline.value_or(state_->collective_deadline)),
          rank_, size_};
}

Group World::make_group(const std::string& name, const std::vector<int>& ranks) const {
  const auto own = std::find(ranks.begin(), ranks.end(), rank_);
  TANDEM_CHECK(own != ranks.end() && std::is_sorted(ranks.begin(), ranks.end()), "group {} made by rank {}",
               name, rank_);
  const int size = static_cast<int>(ranks.size()), rank = static_cast<int>(own - ranks.begin());
  if (size == 1) return {name, 0, 1, nullptr};
  // Groups of one name on different ranks (each tensor group, say) meet under different keys.
  const std::string key = fmt::format("{}[{}]", name, fmt::join(ranks, ","));
  return {name, rank, size,
          connect_gloo(state_->store, {.name = key,
                                       .rank = rank,
                                       .size = size,
                                       .own_address = state_->own_address,
                                       .deadline = state_->collective_deadline})};
}

MeshGroups make_mesh_groups(const World& world, const layout::Mesh& mesh) {
  TANDEM_CHECK(world.size() == mesh.size(), "{} ranks for a mesh of {}", world.size(), mesh.size());
  const auto along = [&](layout::Axis axis) {
    return world.make_group(layout::to_string(axis), mesh.neighbours(world.rank(), axis));
  };
  return {.world = world.make_group("world", world.all_ranks()),
          .data = along(layout::Axis::kData),
          .tensor = along(layout::Axis::kTensor),
          .pipeline = along(layout::Axis::kPipeline)};
}

}  // namespace tandem::comm
