// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "stored_model.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/background_copier.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/local_folder.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/step_copy.h"
#include "tandem/checkpoint/step_folders.h"
#include "tandem/checkpoint/verify.h"
#include "thread_ranks.h"

namespace tandem::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::SizeIs;

constexpr int kRanks = 4;
const StoredLayout kLayout{.mesh = {.data = 2, .pipeline = 2, .tensor = 1}};

// Four ranks on two nodes, each node with a folder of its own, and one that all reach.
class TwoNodes : public testing::Test {
 protected:
  Tiers tiers_of(int rank) const {
    return {.durable = scratch_ / "durable",
            .local = node(rank / 2),
            .local_keeper = rank % 2 == 0 ? Keeper::kThisRank : Keeper::kPeer};
  }
  fs::path node(int number) const { return scratch_ / ("node" + std::to_string(number)); }
  fs::path local_file(int rank) const {
    return node(rank / 2) / step_folder_name(1) / shard_file_name({.generation = 2, .rank = rank});
  }
  fs::path durable() const { return scratch_ / "durable"; }

  // Runs a body on all ranks; all throw the same, or nothing. Returns what.
  std::string on_ranks(const std::function<void(ThreadRank&)>& body) const {
    const auto thrown = run_ranks(kRanks, body);
    for (const auto& one : thrown) EXPECT_EQ(message_of(one), message_of(thrown[0]));
    return message_of(thrown[0]);
  }
  std::string save(int64_t step = 1) const {
    return on_ranks([&](ThreadRank& rank) { save_on(rank, step); });
  }
  void save_on(ThreadRank& rank, int64_t step) const {
    const Tiers tiers = tiers_of(rank.rank());
    save_step({.folder = *tiers.local,
               .keeper = tiers.local_keeper,
               .description = described_step(step, kLayout),
               .tensors = stored_tensors(kLayout.mesh.pipeline),
               .chunk_bytes = kLayout.chunk_bytes},
              state_of(kLayout, rank.rank()).pieces, rank);
  }
  std::string copy(std::optional<std::string> of_seal = {}) const {
    const KeptStep step{.step = 1, .validation_loss = {}, .seal = of_seal.value_or(seal())};
    return on_ranks([&](ThreadRank& rank) { copy_step(tiers_of(rank.rank()), step, rank); });
  }
  std::optional<Failure> failure_to_copy() const {
    const KeptStep step{.step = 1, .validation_loss = {}, .seal = seal()};
    const auto thrown =
        run_ranks(kRanks, [&](ThreadRank& rank) { copy_step(tiers_of(rank.rank()), step, rank); });
    return attempt([&] {
      if (thrown[0]) std::rethrow_exception(thrown[0]);
    });
  }
  std::string seal(int64_t step = 1) const { return claimed_seal(node(0) / step_folder_name(step)); }

  static std::vector<std::string> values_of(const StepReader& reader) {
    std::vector<std::string> values;
    const auto tensors = stored_tensors(kLayout.mesh.pipeline);
    for (const layout::TensorSpec& spec : tensors) {
      const layout::Slice whole = layout::whole(spec.shape);
      std::vector<std::byte> read(static_cast<size_t>(whole.num_elements()) * 4);
      for (const Role role : kAllRoles) {
        reader.read({.tensor = spec.name, .role = role, .slice = whole}, DataType::kF32, read);
        values.emplace_back(reinterpret_cast<const char*>(read.data()), read.size());
      }
    }
    return values;
  }
  static std::vector<std::string> right_values() {
    std::vector<std::string> values;
    const auto tensors = stored_tensors(kLayout.mesh.pipeline);
    for (size_t i = 0; i < tensors.size(); ++i)
      for (const Role role : kAllRoles) {
        const auto bytes = stored_values(i, role, tensors[i].shape, layout::whole(tensors[i].shape));
        values.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      }
    return values;
  }
  static void flip_a_bit(const fs::path& path) {
    std::string bytes = bytes_of(path);
    bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 16);
    write_bytes(path, bytes);
  }

  const ScratchFolder scratch_;
};

TEST_F(TwoNodes, EachHoldsTheFilesOfItsRanksUnderOneManifest) {
  ASSERT_EQ(save(), "");
  for (int number : {0, 1}) EXPECT_THAT(names_in(node(number) / step_folder_name(1)), SizeIs(3));
  EXPECT_TRUE(fs::exists(local_file(0)) && fs::exists(local_file(3)));
  EXPECT_EQ(bytes_of(node(0) / step_folder_name(1) / "manifest.json"),
            bytes_of(node(1) / step_folder_name(1) / "manifest.json"));
  EXPECT_FALSE(fs::exists(durable()));
}

TEST_F(TwoNodes, TheCopyIsWholeAndHasTheSameBytes) {
  ASSERT_EQ(save(), "");
  ASSERT_EQ(copy(), "");
  const fs::path step = durable() / step_folder_name(1);
  EXPECT_EQ(names_in(durable()), (std::vector<std::string>{step.filename()}));
  for (int rank = 0; rank < kRanks; ++rank)
    EXPECT_EQ(bytes_of(step / local_file(rank).filename()), bytes_of(local_file(rank)));
  EXPECT_EQ(claimed_seal(step), seal());
  EXPECT_EQ(values_of(StepReader::open(durable())), right_values());
}

TEST_F(TwoNodes, ADiskThatFailsOnOneNodeFailsTheSaveOnAll) {
  write_bytes(node(1), "not a folder");
  EXPECT_THAT(save(), HasSubstr("rank 2: "));
  EXPECT_EQ(names_in(node(0)), std::vector<std::string>{});
  fs::remove(node(1));
  EXPECT_EQ(save(), "");
}

TEST_F(TwoNodes, NoDamagedByteIsCopied) {
  ASSERT_EQ(save(), "");
  flip_a_bit(local_file(2));
  const std::string message = copy();
  EXPECT_THAT(message, HasSubstr("rank 2: " + local_file(2).string()));
  EXPECT_THAT(message, HasSubstr("are damaged"));
  EXPECT_EQ(names_in(durable()), std::vector<std::string>{});
}

TEST_F(TwoNodes, WhatFailsWhereTheCopyGoesIsNoDamageOfTheStep) {
  ASSERT_EQ(save(), "");
  write_bytes(durable(), "not a folder");
  const std::optional<Failure> failure = failure_to_copy();
  ASSERT_TRUE(failure);
  EXPECT_FALSE(failure->is_damage());
  EXPECT_THAT(failure->message, HasSubstr(durable().string()));
  fs::remove(durable());
  flip_a_bit(local_file(2));
  const std::optional<Failure> damage = failure_to_copy();
  ASSERT_TRUE(damage);
  EXPECT_TRUE(damage->is_damage()) << damage->message;
}

TEST_F(TwoNodes, ALostNodeLeavesNothingToCopy) {
  ASSERT_EQ(save(), "");
  fs::remove_all(node(1));
  EXPECT_THAT(copy(), HasSubstr("is on no node's disk"));
  EXPECT_FALSE(fs::exists(durable() / step_folder_name(1)));
}

TEST_F(TwoNodes, ACopyThatIsThereIsReadBackAndMadeAgainWhereItIsDamaged) {
  ASSERT_EQ(save(), "");
  ASSERT_EQ(copy(), "");
  const fs::path file = durable() / step_folder_name(1) / local_file(1).filename();
  const auto written = fs::last_write_time(file);
  ASSERT_EQ(copy(), "");
  EXPECT_EQ(fs::last_write_time(file), written) << "only read";
  flip_a_bit(file);
  ASSERT_EQ(copy(), "");
  EXPECT_EQ(bytes_of(file), bytes_of(local_file(1)));
  EXPECT_TRUE(fs::exists(durable() / "void_step_00000001_0"));
}

TEST_F(TwoNodes, TheFirstRanksNodeMayHaveLostItsDiskWhereACopyIsThere) {
  ASSERT_EQ(save(), "");
  ASSERT_EQ(copy(), "");
  const std::string saved = seal();
  fs::remove_all(node(0));
  EXPECT_EQ(copy(saved), "");
}

TEST_F(TwoNodes, AnotherStepOfTheNumberIsNeverTakenForTheCopy) {
  ASSERT_EQ(save(), "");
  StepDescription other = described_step(1, kLayout);
  other.validation_loss = 77;
  save_model(durable(), other, kLayout);
  const std::string saved = seal(), there = claimed_seal(durable() / step_folder_name(1));
  ASSERT_NE(saved, there);
  EXPECT_THAT(copy(), HasSubstr("saved already, and nothing is overwritten"));
  fs::remove_all(node(0));
  EXPECT_THAT(copy(saved), HasSubstr("its manifest is gone, so the step cannot be copied"));
  EXPECT_EQ(claimed_seal(durable() / step_folder_name(1)), there);
}

TEST_F(TwoNodes, EachRankReadsTheNearestGoodCopy) {
  ASSERT_EQ(save(), "");
  ASSERT_EQ(copy(), "");
  const auto candidates = candidates_within_reach(tiers_of(0));
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_TRUE(candidates[0].is_local && candidates[0].is_durable);
  const StepReader before = open_candidate(tiers_of(0), candidates[0]);
  EXPECT_EQ(before.folder(), node(0) / step_folder_name(1));
  EXPECT_EQ(values_of(before), right_values());
  EXPECT_TRUE(before.detours().empty()) << "files of other nodes are no damage";
  EXPECT_THAT(before.files_in(before.folder()), testing::ElementsAre(0, 1));

  flip_a_bit(local_file(0));
  const StepReader flipped = open_candidate(tiers_of(0), candidates[0]);
  EXPECT_EQ(values_of(flipped), right_values());
  ASSERT_THAT(flipped.detours(), SizeIs(1));
  EXPECT_THAT(flipped.detours()[0], HasSubstr(local_file(0).string() + ": bytes "));
  EXPECT_THAT(flipped.detours()[0], HasSubstr("durable"));

  fs::resize_file(local_file(0), 100);
  const StepReader cut = open_candidate(tiers_of(0), candidates[0]);
  EXPECT_EQ(values_of(cut), right_values());
  ASSERT_THAT(cut.detours(), SizeIs(1));
  EXPECT_THAT(cut.detours()[0], HasSubstr("has 100 bytes"));

  fs::remove_all(node(0));
  EXPECT_EQ(values_of(open_candidate(tiers_of(0), candidates[0])), right_values());
}

TEST_F(TwoNodes, DamagesOfBothCopiesInDifferentPlacesAreNoLoss) {
  ASSERT_EQ(save(), "");
  ASSERT_EQ(copy(), "");
  flip_a_bit(local_file(0));
  const fs::path other = durable() / step_folder_name(1) / local_file(0).filename();
  std::string bytes = bytes_of(other);
  const StepReader reader = open_candidate(tiers_of(0), {.step = 1, .seal = seal()});
  const size_t middle = bytes.size() / 2;
  ASSERT_LT(middle / kLayout.chunk_bytes + 1, (bytes.size() - 3) / kLayout.chunk_bytes);
  bytes[middle] = static_cast<char>(bytes[middle] ^ 1);
  write_bytes(other, bytes);
  EXPECT_EQ(values_of(reader), right_values());
  flip_a_bit(other);
  EXPECT_THROW(values_of(open_candidate(tiers_of(0), {.step = 1, .seal = seal()})), EnvironmentError);
}

TEST_F(TwoNodes, AStepThatLiesOnAnotherNodeOnlyIsOutOfReach) {
  ASSERT_EQ(save(), "");
  const StepReader reader = open_candidate(tiers_of(0), {.step = 1, .seal = seal()});
  EXPECT_THROW(values_of(reader), EnvironmentError);
  fs::remove_all(node(0));
  EXPECT_THROW(open_candidate(tiers_of(0), {.step = 1, .seal = seal(1)}), EnvironmentError);
}

TEST_F(TwoNodes, ManifestsThatDifferAreNeverMixed) {
  ASSERT_EQ(save(), "");
  ASSERT_EQ(copy(), "");
  const fs::path step = durable() / step_folder_name(1);
  fs::remove_all(step);
  StepDescription other = described_step(1, kLayout);
  other.validation_loss = 77;
  save_model(durable(), other, kLayout);
  ASSERT_NE(claimed_seal(step), seal());
  const auto candidates = candidates_within_reach(tiers_of(0));
  ASSERT_THAT(candidates, SizeIs(2));
  EXPECT_EQ(candidates[0].seal, claimed_seal(step)) << "the one that stays comes first";
  const StepReader first = open_candidate(tiers_of(0), candidates[0]);
  EXPECT_EQ(first.manifest().description.validation_loss, 77);
  EXPECT_TRUE(first.files_in(node(0) / step_folder_name(1)).empty());
  EXPECT_NE(open_candidate(tiers_of(0), candidates[1]).manifest().description.validation_loss, 77);
}

TEST_F(TwoNodes, AllRanksListTheSameSteps) {
  ASSERT_EQ(save(1), "");
  ASSERT_EQ(copy(), "");
  ASSERT_EQ(save(2), "");
  fs::remove_all(node(0));
  fs::create_directories(node(1) / step_folder_name(3));
  std::vector<std::vector<Candidate>> lists(kRanks);
  ASSERT_EQ(on_ranks([&](ThreadRank& rank) {
              lists[static_cast<size_t>(rank.rank())] = find_candidates(tiers_of(rank.rank()), rank);
            }),
            "");
  for (const auto& list : lists) EXPECT_EQ(list, lists[0]);
  ASSERT_THAT(lists[0], SizeIs(3));
  EXPECT_EQ(lists[0][0], (Candidate{.step = 3, .seal = "", .is_local = true}));
  EXPECT_EQ(lists[0][1].step, 2);
  EXPECT_FALSE(lists[0][1].is_durable);
  EXPECT_TRUE(lists[0][2].is_local && lists[0][2].is_durable);
  EXPECT_THROW(open_candidate(tiers_of(2), lists[0][0]), EnvironmentError);
  EXPECT_EQ(put_aside(tiers_of(1), lists[0][0], 1), std::vector<fs::path>{});
  EXPECT_EQ(put_aside(tiers_of(2), lists[0][0], 2), std::vector<fs::path>{node(1) / "void_step_00000003_0"});
}

TEST(Candidates, AreLeftBehindWhereALaterStartSavedALowerStep) {
  const std::vector<Candidate> candidates = joined({{.step = 8, .seal = "a", .generation = 1},
                                                    {.step = 6, .seal = "b", .generation = 2},
                                                    {.step = 4, .seal = "c", .generation = 0},
                                                    {.step = 9, .seal = "", .generation = 0}});
  const auto is_left = [&](size_t place) {
    return is_left_behind(candidates[place], std::span(candidates).subspan(place + 1));
  };
  EXPECT_FALSE(is_left(0)) << "nobody knows of whom it is";
  EXPECT_TRUE(is_left(1));
  EXPECT_FALSE(is_left(2));
  EXPECT_FALSE(is_left(3));
}

TEST_F(TwoNodes, StepsTellTheirGeneration) {
  ASSERT_EQ(save(), "");
  EXPECT_EQ(candidates_within_reach(tiers_of(0))[0].generation, described_step(1, kLayout).generation);
  EXPECT_EQ(claimed_generation(node(0)), std::nullopt);
}

TEST_F(TwoNodes, EachNodeKeepsWhatRankZeroNames) {
  for (const int64_t step : {1, 2, 3}) ASSERT_EQ(save(step), "");
  EXPECT_EQ(
      on_ranks([&](ThreadRank& rank) {
        const std::set<int64_t> needed = rank.rank() == 0 ? std::set<int64_t>{1, 3} : std::set<int64_t>{};
        EXPECT_FALSE(keep_only(needed, tiers_of(rank.rank()), rank));
      }),
      "");
  for (int number : {0, 1})
    EXPECT_EQ(names_in(node(number)), (std::vector<std::string>{"step_00000001", "step_00000003"}));
}

TEST_F(TwoNodes, APartOfAStepSaysThatItIsOne) {
  ASSERT_EQ(save(), "");
  const auto held = LocalFolder::open(node(1));
  held.mark({.run_id = "some run", .checkpoints = durable()});
  try {
    StepReader::open(node(1));
    ADD_FAILURE() << "half a step was opened";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("holds 2 of the step's 4 files, those of one node"));
    EXPECT_THAT(error.what(), HasSubstr(durable().string()));
  }
  EXPECT_THROW(LocalFolder::open(node(1)), EnvironmentError);
  EXPECT_NO_THROW(LocalFolder::check_owner(node(1), {.run_id = "some run", .checkpoints = durable()}));
  EXPECT_THROW(LocalFolder::check_owner(node(1), {.run_id = "another run", .checkpoints = durable()}),
               InputError);
}

// The copier of each rank, and what it has to say.
class Copiers : public TwoNodes {
 protected:
  std::unique_ptr<BackgroundCopier> copier_on(
      Meeting& meeting, int rank, std::function<void(int64_t)> copied = [](int64_t) {}) const {
    return std::make_unique<BackgroundCopier>(tiers_of(rank), RetentionRule{.newest = 3},
                                              std::make_unique<ThreadRank>(meeting, rank), std::move(copied));
  }
  KeptStep saved(int64_t step) const { return {.step = step, .validation_loss = {}, .seal = seal(step)}; }
  static void await(BackgroundCopier& copier) {
    while (!copier.wait(std::chrono::seconds(10))) {
    }
  }
  // Saves a step and returns how its copy ended, which must be all that ended.
  SaveOutcome saved_and_copied(ThreadRank& rank, BackgroundCopier& copier, int64_t step) const {
    save_on(rank, step);
    copier.offer({saved(step)});
    await(copier);
    const std::vector<SaveOutcome> outcomes = copier.take_outcomes();
    EXPECT_THAT(outcomes, SizeIs(1));
    return outcomes.at(0);
  }
};

TEST_F(Copiers, CopiesBesideWhateverElseHappens) {
  Meeting meeting(kRanks);
  std::atomic<int64_t> copied = 0;
  EXPECT_EQ(on_ranks([&](ThreadRank& rank) {
              const auto copier = copier_on(meeting, rank.rank(), [&](int64_t step) { copied += step; });
              for (const int64_t step : {1, 2}) {
                const SaveOutcome outcome = saved_and_copied(rank, *copier, step);
                EXPECT_FALSE(outcome.failure);
                EXPECT_EQ(outcome.step, step);
              }
              EXPECT_EQ(copier->needed(), rank.rank() == 0 ? std::set<int64_t>{2} : std::set<int64_t>{});
            }),
            "");
  EXPECT_EQ(copied, 3);
  EXPECT_THAT(find_steps(durable()), SizeIs(2));
}

TEST_F(Copiers, AFailureIsTheOutcomeOfAllRanksAndTheNextStepIsCopied) {
  Meeting meeting(kRanks);
  fs::create_directories(durable().parent_path());
  write_bytes(durable(), "not a folder");
  EXPECT_EQ(on_ranks([&](ThreadRank& rank) {
              const auto copier = copier_on(meeting, rank.rank());
              const SaveOutcome outcome = saved_and_copied(rank, *copier, 1);
              ASSERT_TRUE(outcome.failure);
              EXPECT_THAT(outcome.failure->message, HasSubstr("durable"));
              rank.gather("");
              if (rank.rank() == 0) fs::remove(durable());
              rank.broadcast("");
              EXPECT_FALSE(saved_and_copied(rank, *copier, 2).failure);
            }),
            "");
  EXPECT_THAT(find_steps(durable()), SizeIs(1));
}

TEST_F(Copiers, WhatFollowsACopyMayFailAndTheNextIsCopied) {
  Meeting meeting(kRanks);
  EXPECT_EQ(on_ranks([&](ThreadRank& rank) {
              const auto copier = copier_on(meeting, rank.rank(),
                                            [](int64_t) { throw EnvironmentError("no room for a list"); });
              for (const int64_t step : {1, 2}) {
                EXPECT_FALSE(saved_and_copied(rank, *copier, step).failure);
              }
              EXPECT_FALSE(copier->is_broken());
            }),
            "");
}

// Loses the others once it has given its first order.
class LostRank final : public Agreement {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::vector<std::string> gather(const std::string& mine) override { return {mine}; }
  void begin_exchange() override { ++exchanges_; }
  std::string broadcast(const std::string& from_first) override {
    if (from_first.starts_with("copy ") || from_first.starts_with("idle ")) {
      EXPECT_EQ(++orders_, exchanges_);
    }
    if (++broadcasts_ > 1) throw EnvironmentError("the others are gone");
    return from_first;
  }

 private:
  int broadcasts_ = 0;
  int exchanges_ = 0, orders_ = 0;
};

TEST_F(Copiers, WithoutTheOthersNothingIsUnderWayAndEachStepFails) {
  BackgroundCopier copier(tiers_of(0), {.newest = 3}, std::make_unique<LostRank>(), [](int64_t) {});
  for (const int64_t step : {1, 2}) {
    copier.offer({{.step = step, .validation_loss = {}, .seal = "s"}});
    await(copier);
    const auto outcomes = copier.take_outcomes();
    ASSERT_THAT(outcomes, testing::Not(testing::IsEmpty()));
    EXPECT_THAT(outcomes.back().failure->message, HasSubstr("the others are gone"));
    EXPECT_EQ(copier.under_way(), std::nullopt);
    EXPECT_TRUE(copier.is_broken());
  }
}

// Stands still in its first broadcast until it may go on.
class HeldRank final : public ThreadRank {
 public:
  HeldRank(Meeting& meeting, int rank, std::shared_future<void> go)
      : ThreadRank(meeting, rank), go_(std::move(go)) {}
  std::string broadcast(const std::string& from_first) override {
    std::string text = ThreadRank::broadcast(from_first);
    go_.wait();
    return text;
  }

 private:
  std::shared_future<void> go_;
};

TEST_F(Copiers, NobodyWaitsForACopyThatHangs) {
  Meeting meeting(kRanks);
  std::promise<void> release;
  const std::shared_future<void> go = release.get_future().share();
  EXPECT_EQ(on_ranks([&](ThreadRank& rank) {
              BackgroundCopier copier(tiers_of(rank.rank()), {.newest = 3},
                                      std::make_unique<HeldRank>(meeting, rank.rank(), go), [](int64_t) {});
              save_on(rank, 1);
              copier.offer({saved(1)});
              for (const int64_t step : {2, 3, 4}) {
                save_on(rank, step);
                copier.offer({saved(step)});
              }
              EXPECT_FALSE(copier.wait(std::chrono::milliseconds(1)));
              EXPECT_FALSE(copier.wait_for_outcome(std::chrono::milliseconds(1)));
              rank.gather("");
              if (rank.rank() == 0) release.set_value();
              await(copier);
              const auto outcomes = copier.take_outcomes();
              ASSERT_THAT(outcomes, testing::Not(testing::IsEmpty()));
              EXPECT_EQ(outcomes.back().step, 4);
              if (rank.rank() == 0) {
                const size_t skipped = copier.take_skipped().size();
                EXPECT_GE(skipped, 2U) << "2 and 3 came and went while 1 hung";
                EXPECT_EQ(outcomes.size() + skipped, 4U);
              }
            }),
            "");
}

}  // namespace
}  // namespace tandem::checkpoint
