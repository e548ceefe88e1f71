// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/launch/listener.h"
#include "tandem/launch/network.h"
#include "tandem/launch/socket_address.h"

namespace tandem::launch {
namespace {

using testing::HasSubstr;

template <typename Kind, typename Action>
std::string complaint(Action action) {
  try {
    action();
  } catch (const Kind& error) {
    return error.what();
  }
  return "none";
}

SocketAddress bound_address(const Descriptor& socket) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  EXPECT_EQ(::getsockname(socket.get(), address.get(), &address.size), 0);
  return address;
}

bool connects(const Endpoint& endpoint) {
  const auto address = numeric_address(endpoint.address, endpoint.port);
  const Descriptor socket(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(socket.get(), address->get(), address->size) == 0;
}

TEST(Network, LoopbackInterfaceHasItsAddress) { EXPECT_EQ(interface_address("lo"), "127.0.0.1"); }

TEST(Network, UnknownInterfaceIsRefusedNamingThoseThereAre) {
  EXPECT_THAT(complaint<InputError>([] { interface_address("nosuch0"); }),
              testing::AllOf(HasSubstr("'nosuch0'"), HasSubstr("lo")));
}

TEST(Network, HostsResolveToNumericAddresses) {
  EXPECT_TRUE(is_loopback(resolve_host("localhost")));
  EXPECT_EQ(resolve_host("10.1.2.3"), "10.1.2.3");
  EXPECT_THAT(complaint<EnvironmentError>([] { resolve_host("no such host"); }), HasSubstr("'no such host'"));
}

TEST(Network, LoopbackIsReachedFromLoopback) {
  EXPECT_EQ(source_address_towards("127.0.0.1"), "127.0.0.1");
  EXPECT_TRUE(is_local("127.0.0.1"));
  EXPECT_FALSE(is_local("203.0.113.7"));
}

TEST(Listener, ListensOnTheGivenAddressOnly) {
  const Descriptor socket = listen_on({.address = "127.0.0.1"});
  EXPECT_EQ(to_text(bound_address(socket)), "127.0.0.1");
  EXPECT_TRUE(connects({.address = "127.0.0.1", .port = port_of(socket)}));
  EXPECT_FALSE(connects({.address = "127.0.0.2", .port = port_of(socket)}));
}

TEST(Listener, PortInUseIsRefusedNamingIt) {
  const Descriptor taken = listen_on({});
  const Endpoint again{.port = port_of(taken)};
  const std::string expected = "port " + std::to_string(again.port) + " of 127.0.0.1 is in use";
  EXPECT_THAT(complaint<EnvironmentError>([&] { listen_on(again); }), HasSubstr(expected));
  EXPECT_THAT(complaint<EnvironmentError>([&] { PortReservation reservation(again); }), HasSubstr(expected));
}

TEST(Listener, AddressOfAnotherNodeIsRefused) {
  EXPECT_THAT(complaint<InputError>([] { listen_on({.address = "203.0.113.7", .port = 20000}); }),
              HasSubstr("203.0.113.7 is not an address of this node"));
}

TEST(PortReservation, LetsRankZeroListenWhileItHolds) {
  const PortReservation reservation({});
  const Endpoint reserved{.port = reservation.port()};
  EXPECT_GT(reserved.port, 0);
  EXPECT_FALSE(connects(reserved));
  const Descriptor socket = listen_on(reserved);
  EXPECT_TRUE(connects(reserved));
}

TEST(ListenForRanks, RankZeroAloneListens) {
  RankEnvironment environment{.world_size = 2, .local_world_size = 2};
  const Descriptor socket = listen_for_ranks(environment);
  EXPECT_TRUE(socket);
  environment.store_server = StoreServer::kAgent;
  EXPECT_FALSE(listen_for_ranks(environment));
  environment = {.rank = 1, .world_size = 2, .local_rank = 1, .local_world_size = 2};
  EXPECT_FALSE(listen_for_ranks(environment));
}

TEST(ListenForRanks, OneRankListensOnNothingAndNeedsNoFreePort) {
  const Descriptor taken = listen_on({});
  EXPECT_FALSE(listen_for_ranks({}));
  EXPECT_FALSE(listen_for_ranks({.master_port = port_of(taken)}));
}

TEST(RankAddresses, OneNodeMeetsOnLoopbackWhateverItsName) {
  const RankEnvironment rank =
      with_addresses({.world_size = 2, .local_world_size = 2, .master_address = "node003", .master_port = 1});
  EXPECT_EQ(rank.master_address, "127.0.0.1");
  EXPECT_EQ(rank.interface_address, "127.0.0.1");
}

TEST(RankAddresses, RankZeroMustBeWhereTheRendezvousIs) {
  EXPECT_THAT(complaint<InputError>([] {
                with_addresses({.world_size = 2, .local_world_size = 1, .master_address = "203.0.113.7"});
              }),
              HasSubstr("203.0.113.7"));
}

TEST(RankAddresses, SpeltLoopbackStaysLoopbackAlsoForSeveralNodes) {
  const RankEnvironment rank =
      with_addresses({.rank = 1, .world_size = 2, .local_world_size = 1, .master_address = "127.0.0.1"});
  EXPECT_EQ(rank.master_address, "127.0.0.1");
  EXPECT_EQ(rank.interface_address, "127.0.0.1");
}

TEST(RankAddresses, ChosenInterfaceIsWhereRankZeroListens) {
  const RankEnvironment rank = with_addresses(
      {.world_size = 2, .local_world_size = 1, .master_address = "localhost", .interface_name = "lo"});
  EXPECT_EQ(rank.master_address, "127.0.0.1");
  EXPECT_THROW(with_addresses({.world_size = 2,
                               .local_world_size = 1,
                               .master_address = "localhost",
                               .interface_name = "nosuch0"}),
               InputError);
}

}  // namespace
}  // namespace tandem::launch
