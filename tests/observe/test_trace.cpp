// SPDX-License-Identifier: Apache-2.0
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tandem/observe/trace.h"
#include "temporary_folder.h"

namespace tandem::observe {
namespace {

using nlohmann::json;

std::vector<json> events_named(const json& trace, const std::string& name) {
  std::vector<json> found;
  for (const json& event : trace["traceEvents"])
    if (event["name"] == name) found.push_back(event);
  return found;
}

TEST(Trace, RecordsNothingUntilItIsStarted) {
  Trace trace;
  { const ScopedSpan span({"forward", "compute"}, trace); }
  trace.end(trace.begin({"reduce", "comm"}));
  EXPECT_TRUE(trace.events().empty());
  trace.start();
  { const ScopedSpan span({"forward", "compute", 3}, trace); }
  trace.stop();
  { const ScopedSpan span({"forward", "compute", 4}, trace); }
  ASSERT_EQ(trace.events().size(), 1u);
  EXPECT_EQ(trace.events()[0].span.index, 3);
}

TEST(Trace, NestsSpansInTime) {
  Trace trace;
  trace.start();
  {
    const ScopedSpan outer({"step", "train"}, trace);
    const ScopedSpan inner({"forward", "compute"}, trace);
  }
  const std::vector<TraceEvent> events = trace.events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_STREQ(events[0].span.name, "forward");
  EXPECT_LE(events[1].start_ns, events[0].start_ns);
  EXPECT_GE(events[1].start_ns + events[1].duration_ns, events[0].start_ns + events[0].duration_ns);
  EXPECT_EQ(events[0].thread, events[1].thread);
}

TEST(Trace, EndsInAnotherThreadWhatItBeganInThisOne) {
  Trace trace;
  trace.start();
  const OpenSpan bucket = trace.begin({"reduce bucket", "comm", 0});
  std::jthread([&] { trace.end(bucket); }).join();
  const std::vector<TraceEvent> events = trace.events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_NE(events[0].async_id, 0u);
  EXPECT_GE(events[0].duration_ns, 0);
}

TEST(Trace, KeepsTheNewestSpansAndCountsTheOthers) {
  Trace trace;
  trace.start(3);
  for (int64_t i = 0; i < 8; ++i) trace.add({"span", "test", i}, i, i + 1);
  std::vector<int64_t> kept;
  for (const TraceEvent& event : trace.events()) kept.push_back(event.span.index);
  EXPECT_THAT(kept, testing::ElementsAre(5, 6, 7));
  EXPECT_EQ(trace.dropped(), 5u);
  trace.start(3);
  EXPECT_TRUE(trace.events().empty());
  EXPECT_EQ(trace.dropped(), 0u);
}

TEST(Trace, TakesSpansFromSeveralThreads) {
  Trace trace;
  trace.start();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&trace] {
        for (int i = 0; i < 250; ++i) {
          const ScopedSpan span({"work", "test", i}, trace);
          trace.end(trace.begin({"send", "test", i}));
        }
      });
  }
  std::set<int> threads;
  std::set<uint64_t> ids;
  for (const TraceEvent& event : trace.events()) threads.insert(event.thread), ids.insert(event.async_id);
  EXPECT_EQ(trace.events().size(), 2000u);
  EXPECT_EQ(threads.size(), 4u);
  EXPECT_EQ(ids.size(), 1001u);
}

TEST(TraceFile, IsJsonWithSpansRanksAndNames) {
  const TemporaryFolder folder;
  Trace trace;
  trace.start();
  trace.name_thread("main \"thread\"");
  trace.add({"forward", "compute", 2}, 1'234'567, 2'000'001);
  trace.end(trace.begin({"reduce bucket", "comm"}));
  trace.write(folder / "traces/rank_00003.json", 3);
  const json file = json::parse(read_file(folder / "traces/rank_00003.json"));

  const json forward = events_named(file, "forward").at(0);
  EXPECT_EQ(forward["ph"], "X");
  EXPECT_EQ(forward["pid"], 3);
  EXPECT_EQ(forward["ts"], 1234.567);
  EXPECT_EQ(forward["dur"], 765.434);
  EXPECT_EQ(forward["args"]["index"], 2);

  const std::vector<json> reduce = events_named(file, "reduce bucket");
  ASSERT_EQ(reduce.size(), 2u);
  EXPECT_EQ(reduce[0]["ph"], "b");
  EXPECT_EQ(reduce[1]["ph"], "e");
  EXPECT_EQ(reduce[0]["id"], reduce[1]["id"]);
  EXPECT_EQ(reduce[0]["cat"], reduce[1]["cat"]);
  EXPECT_GE(reduce[1]["ts"].get<double>(), reduce[0]["ts"].get<double>());

  EXPECT_EQ(events_named(file, "thread_name").at(0)["args"]["name"], "main \"thread\"");
  EXPECT_EQ(events_named(file, "process_name").at(0)["args"]["name"], "rank 3");
  EXPECT_EQ(file["otherData"]["dropped"], 0);
}

TEST(TraceFile, IsValidWithoutAnySpan) {
  const TemporaryFolder folder;
  Trace().write(folder / "trace.json", 0);
  EXPECT_TRUE(json::accept(read_file(folder / "trace.json")));
}

}  // namespace
}  // namespace tandem::observe
