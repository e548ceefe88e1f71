// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "stored_model.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/background_saver.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/staging.h"
#include "tandem/comm/lost_peer.h"
#include "thread_ranks.h"

namespace tandem::checkpoint {
namespace {

using testing::HasSubstr;

constexpr int kRanks = 4;
const StoredLayout kLayout{.mesh = {.data = 2, .pipeline = 2, .tensor = 1}};

// A rank's saver, on a meeting of the savers' threads alone.
std::unique_ptr<BackgroundSaver> saver_on(const std::filesystem::path& folder, Meeting& meeting, int rank,
                                          AroundSave around = {}) {
  return std::make_unique<BackgroundSaver>(SavePlace{folder}, stored_tensors(kLayout.mesh.pipeline),
                                           std::make_unique<ThreadRank>(meeting, rank), std::move(around));
}

void expect_values(const std::filesystem::path& step) {
  const StepReader reader = StepReader::open(step);
  const auto tensors = stored_tensors(kLayout.mesh.pipeline);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const layout::Slice whole = layout::whole(tensors[i].shape);
    std::vector<std::byte> read(static_cast<size_t>(whole.num_elements()) * 4);
    reader.read({.tensor = tensors[i].name, .role = Role::kMoment1, .slice = whole}, DataType::kF32, read);
    EXPECT_EQ(read, stored_values(i, Role::kMoment1, tensors[i].shape, whole)) << tensors[i].name;
  }
}

TEST(BackgroundSaver, SavesWhatWasThereWhenItBegan) {
  const ScratchFolder scratch;
  Meeting meeting(kRanks);
  std::atomic<int64_t> committed = 0;
  const auto thrown = run_ranks(kRanks, [&](ThreadRank& rank) {
    const auto saver = saver_on(scratch.path(), meeting, rank.rank(),
                                {.after = [&](const KeptStep& saved) { committed += saved.step; }});
    for (const int64_t step : {1, 2, 3}) {
      StoredState state = state_of(kLayout, rank.rank());
      saver->begin(described_step(step, kLayout), state.pieces, 2);
      for (auto& buffer : state.buffers) std::ranges::fill(buffer, std::byte{0x55});
      saver->wait();
      const auto outcome = saver->take_outcome();
      ASSERT_TRUE(outcome);
      EXPECT_FALSE(outcome->failure);
      EXPECT_EQ(outcome->step, step);
      EXPECT_FALSE(saver->take_outcome());
      expect_values(outcome->folder);
    }
  });
  for (const auto& exception : thrown) EXPECT_EQ(message_of(exception), "");
  EXPECT_EQ(committed, kRanks * (1 + 2 + 3));
}

TEST(BackgroundSaver, AFailureIsTheOutcomeOfAllRanksAndTheNextSaveWorks) {
  const ScratchFolder scratch;
  Meeting meeting(kRanks);
  const auto thrown = run_ranks(kRanks, [&](ThreadRank& rank) {
    const auto saver = saver_on(scratch.path(), meeting, rank.rank());
    StoredState state = state_of(kLayout, rank.rank());
    if (rank.rank() == 2) state.pieces[0].tensor = 99;
    saver->begin(described_step(1, kLayout), state.pieces, 1);
    saver->wait();
    const auto outcome = saver->take_outcome();
    ASSERT_TRUE(outcome && outcome->failure);
    EXPECT_THAT(outcome->failure->message, HasSubstr("step 1 is not saved, rank 2"));
    saver->begin(described_step(2, kLayout), state_of(kLayout, rank.rank()).pieces, 1);
    saver->wait();
    EXPECT_FALSE(saver->take_outcome()->failure);
  });
  for (const auto& exception : thrown) EXPECT_EQ(message_of(exception), "");
  EXPECT_EQ(names_in(scratch.path()), (std::vector<std::string>{"step_00000002"}));
}

// Tells when exchanges begin and words are passed.
class HeardRank final : public Agreement {
 public:
  explicit HeardRank(std::string& heard) : heard_(heard) {}
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void begin_exchange() override { heard_ += '|'; }
  std::vector<std::string> gather(const std::string& mine) override {
    return heard_ += 'g', std::vector{mine};
  }
  std::string broadcast(const std::string& from_first) override { return heard_ += 'b', from_first; }

 private:
  std::string& heard_;
};

TEST(BackgroundSaver, IsBrokenOnceThisRankHasLostTheOthers) {
  const ScratchFolder scratch;
  std::vector<std::function<void()>> failures{[] { throw EnvironmentError("the disk is full"); },
                                              [] { throw comm::LostPeerError("the store is gone"); }, [] {}};
  size_t next = 0;
  const StoredLayout one;
  BackgroundSaver saver({scratch.path()}, stored_tensors(1), std::make_unique<OneRank>(),
                        {.before = [&](Agreement&) { failures[next++](); }});
  for (const auto& [fails, is_broken] : {std::pair{true, false}, {true, true}, {false, true}}) {
    saver.begin_in_place(described_step(static_cast<int64_t>(next), one), state_of(one, 0).pieces);
    while (!saver.wait_for(std::chrono::seconds(1)))
      ;
    EXPECT_EQ(saver.is_broken(), is_broken);
    EXPECT_EQ(saver.take_outcome()->failure.has_value(), fails);
  }
}

TEST(BackgroundSaver, EachSaveIsAnExchangeAlsoOneThatFails) {
  const ScratchFolder scratch;
  std::string heard;
  const StoredLayout one;
  BackgroundSaver saver({scratch.path()}, stored_tensors(1), std::make_unique<HeardRank>(heard), {});
  for (const int64_t step : {1, 2}) {
    StoredState state = state_of(one, 0);
    if (step == 1) state.pieces[0].tensor = 99;
    saver.begin(described_step(step, one), state.pieces, 1);
    saver.wait();
    EXPECT_EQ(saver.take_outcome()->failure.has_value(), step == 1);
  }
  EXPECT_EQ(heard, "|bgb|bgbgb");
}

TEST(BackgroundSaver, SavesAtOnceWithoutACopy) {
  const ScratchFolder scratch;
  Meeting meeting(1);
  const StoredLayout one;
  BackgroundSaver saver({scratch.path()}, stored_tensors(1), std::make_unique<ThreadRank>(meeting, 0), {});
  const StoredState state = state_of(one, 0);
  saver.begin_in_place(described_step(4, one), state.pieces);
  EXPECT_THROW(saver.begin_in_place(described_step(5, one), state.pieces), BugError);
  EXPECT_TRUE(saver.wait_for(std::chrono::hours(1)));
  EXPECT_FALSE(saver.take_outcome()->failure);
  EXPECT_EQ(StepReader::open(scratch.path()).manifest().description.step, 4);
}

TEST(BackgroundSaver, WaitsNoLongerThanIsAsked) {
  const ScratchFolder scratch;
  Meeting meeting(1);
  const StoredLayout one;
  std::promise<void> release;
  BackgroundSaver saver({scratch.path()}, stored_tensors(1), std::make_unique<ThreadRank>(meeting, 0),
                        {.before = [&](Agreement&) { release.get_future().wait(); }});
  const StoredState state = state_of(one, 0);
  saver.begin_in_place(described_step(1, one), state.pieces);
  EXPECT_FALSE(saver.wait_for(std::chrono::milliseconds(1)));
  EXPECT_FALSE(saver.take_outcome());
  release.set_value();
  EXPECT_TRUE(saver.wait_for(std::chrono::hours(1)));
  EXPECT_EQ(saver.take_outcome()->step, 1);
}

TEST(BackgroundSaver, OneSaveAtATime) {
  const ScratchFolder scratch;
  Meeting meeting(1);
  const StoredLayout one;
  BackgroundSaver saver({scratch.path()}, stored_tensors(1), std::make_unique<ThreadRank>(meeting, 0), {});
  const StoredState state = state_of(one, 0);
  saver.begin(described_step(1, one), state.pieces, 1);
  EXPECT_THROW(saver.begin(described_step(2, one), state.pieces, 1), BugError);
}

TEST(Staging, TakesItsMemoryOnce) {
  Staging staging;
  std::vector<std::byte> values(10'000, std::byte{7});
  const Piece piece{.range = {.box = layout::whole({2500}), .count = 2500},
                    .values = {std::span<const std::byte>(values)}};
  const auto first = staging.copy(std::span(&piece, 1), 3);
  const size_t size = staging.size();
  const auto bytes = first[0].values[0].at(0, values);
  EXPECT_NE(bytes.data(), values.data());
  EXPECT_EQ(bytes[9'999], std::byte{7});
  for (int round = 0; round < 3; ++round) staging.copy(std::span(&piece, 1), 1);
  EXPECT_EQ(staging.size(), size);
}

}  // namespace
}  // namespace tandem::checkpoint
