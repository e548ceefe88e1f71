// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/launch/host_list.h"

namespace tandem::launch {
namespace {

struct Case {
  const char* list;
  const char* first;
  int64_t count;
};

TEST(HostList, FirstHostAndCountOfEachForm) {
  for (const auto& [list, first, count] :
       {Case{"vm", "vm", 1}, Case{"node[003-010,12]", "node003", 9}, Case{"a,b,c", "a", 3},
        Case{"node[7]", "node7", 1}, Case{"gpu-a[09-11],login1", "gpu-a09", 4},
        Case{"rack[1-2]n[01-04]-ib", "rack1n01-ib", 8}, Case{"x1,node[1,3-5].example.org", "x1", 5},
        Case{"[10-12]", "10", 3}}) {
    const HostList hosts = parse_host_list(list);
    EXPECT_EQ(hosts.first, first) << list;
    EXPECT_EQ(hosts.count, count) << list;
  }
}

TEST(HostList, MalformedOrHugeListsAreRefused) {
  for (const char* list : {"", ",", "a,", ",a", "a,,b", "node[", "node]", "node[]", "node[1-", "node[3-1]",
                           "node[a-b]", "node[1-2", "node[1,]", "node[-3]", "node[[1]]", "n[0-9999999]",
                           "n[0-9999][0-9999]", "n[99999999999999999999]"})
    EXPECT_THROW(parse_host_list(list), InputError) << list;
}

TEST(TasksOfNode, RepeatsAndPlainEntries) {
  EXPECT_EQ(tasks_of_node("4", 0), 4);
  EXPECT_EQ(tasks_of_node("2(x3),1", 0), 2);
  EXPECT_EQ(tasks_of_node("2(x3),1", 2), 2);
  EXPECT_EQ(tasks_of_node("2(x3),1", 3), 1);
  EXPECT_EQ(tasks_of_node("2(x3),1", 4), 0);
  for (const char* list : {"x", "2(3)", "2(x)", "2(x3", "(x2)", "-1"})
    EXPECT_THROW(tasks_of_node(list, 9), InputError) << list;
}

}  // namespace
}  // namespace tandem::launch
