// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ATen.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "tandem/base/error.h"
#include "tandem/comm/rendezvous.h"
#include "tandem/launch/listener.h"

namespace tandem::comm {
namespace {

using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

/// Serves a store to ranks that have not started it, as torchrun's agent does.
class Agent {
 public:
  Agent() {
    Descriptor socket = launch::listen_on({});
    c10d::TCPStoreOptions options;
    options.port = port_ = launch::port_of(socket);
    options.isServer = true;
    options.waitWorkers = options.useLibUV = false;
    options.masterListenFd = socket.release();
    store_ = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  }
  Rendezvous rendezvous() const {
    return {.master_address = "127.0.0.1",
            .master_port = port_,
            .join_deadline = std::chrono::seconds(30),
            .collective_deadline = std::chrono::seconds(30)};
  }

 private:
  uint16_t port_ = 0;
  c10::intrusive_ptr<c10d::TCPStore> store_;
};

/// Runs two ranks as threads; returns the error of each, empty if there was none.
std::vector<std::string> run_pair(const Rendezvous& rendezvous,
                                  const std::function<void(const World&)>& body) {
  std::vector<std::string> errors(2);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank)
    threads.emplace_back([&, rank, own = rendezvous]() mutable {
      own.rank = rank;
      own.world_size = 2;
      try {
        body(World::join(own));
      } catch (const std::exception& error) {
        errors[static_cast<size_t>(rank)] = error.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  return errors;
}

std::string complaint(const Rendezvous& rendezvous) {
  try {
    World::join(rendezvous);
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "none";
}

TEST(Join, RestartedRanksMeetAtTheStoreThatOutlivedTheFirst) {
  const Agent agent;
  Rendezvous rendezvous = agent.rendezvous();
  for (; rendezvous.attempt < 3; ++rendezvous.attempt)
    EXPECT_THAT(run_pair(rendezvous,
                         [](const World& world) {
                           const Group group = world.make_group("world", {0, 1});
                           at::Tensor x = at::full({1}, world.rank() + 1, at::kLong);
                           group.all_reduce(x);
                           EXPECT_EQ(x.item<int64_t>(), 3);
                         }),
                ::testing::Each(""))
        << "attempt " << rendezvous.attempt;
}

TEST(Join, RankThatIsMissingAtAnAgentsStoreIsAwaitedForTheJoinDeadline) {
  const Agent agent;
  for (const int rank : {0, 1}) {
    Rendezvous rendezvous = agent.rendezvous();
    rendezvous.rank = rank;
    rendezvous.world_size = 3;
    rendezvous.attempt = rank;
    rendezvous.join_deadline = std::chrono::seconds(1);
    const auto start = Clock::now();
    EXPECT_THAT(complaint(rendezvous), HasSubstr("could not join at 127.0.0.1:"));
    EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(900));
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(20));
  }
}

TEST(Channel, DoesNotWaitWhileAnotherOneOfTheSameRankDoes) {
  const Agent agent;
  Rendezvous rendezvous = agent.rendezvous();
  rendezvous.collective_deadline = std::chrono::seconds(5);
  const auto errors = run_pair(rendezvous, [](const World& world) {
    StoreChannel ahead = world.make_channel("ahead"), behind = world.make_channel("behind");
    if (world.rank() == 0) {
      auto waiting = std::async(std::launch::async, [&] { return behind.gather("early"); });
      // Time enough for the thread to wait for rank 1, which comes there only after this broadcast.
      EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
      ahead.broadcast("go on");
      EXPECT_THAT(waiting.get(), ::testing::ElementsAre("early", "late"));
    } else {
      EXPECT_EQ(ahead.broadcast(""), "go on");
      behind.gather("late");
    }
  });
  EXPECT_THAT(errors, ::testing::Each(""));
}

TEST(Join, ListeningSocketIsClosedWhereNoStoreTakesIt) {
  Descriptor socket = launch::listen_on({});
  const int descriptor = socket.get();
  EXPECT_EQ(World::join({.listen_descriptor = socket.release()}).size(), 1);
  EXPECT_EQ(::fcntl(descriptor, F_GETFD), -1);
}

}  // namespace
}  // namespace tandem::comm
