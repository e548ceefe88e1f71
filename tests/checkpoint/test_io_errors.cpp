// SPDX-License-Identifier: Apache-2.0
// What becomes of a save or a load of which system calls fail, or move fewer bytes than they were given.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "dated_steps.h"
#include "saving_scenarios.h"
#include "scratch_folder.h"
#include "system_calls.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/retention.h"
#include "thread_ranks.h"

namespace tandem::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::array kErrors{ENOSPC, EDQUOT, EIO, EROFS, EACCES, ESTALE};

enum class Lasts { kOnce, kOn, kWithWrites };

// Fails the nth call, and if it lasts all later ones that change the disk, or all writes.
class Fault final : public CallObserver {
 public:
  Fault(int number, int error, Lasts lasts = Lasts::kOnce) : number_(number), error_(error), lasts_(lasts) {}

  Verdict before(const SystemCall& call) override {
    if (call.kind == CallKind::kSync && failed_syncs_.contains(call.descriptor)) retried_ = call.path;
    if (call.kind == CallKind::kClose) failed_syncs_.erase(call.descriptor);
    ++calls_;
    if (calls_ == number_) hit_ = call;
    made_room_ |= call.kind == CallKind::kMkdir && fs::path(call.path).filename().string().starts_with('.');
    if (calls_ < number_) in_place_ = made_room_;
    if (calls_ != number_ && !(lasts_ == Lasts::kOn && calls_ > number_ && changes_disk(call.kind)) &&
        !(lasts_ == Lasts::kWithWrites && call.kind == CallKind::kWrite))
      return {};
    if (call.kind == CallKind::kSync) failed_syncs_.insert(call.descriptor);
    // Linux closes the descriptor also where it fails.
    if (call.kind == CallKind::kClose) ::close(call.descriptor);
    return {.error = error_};
  }

  const std::optional<SystemCall>& hit() const { return hit_; }
  // Whether the call was made once the hidden folder of the save was there.
  bool was_of_the_save() const { return in_place_; }
  // The path of a descriptor that was synced again after that had failed, or "".
  const std::string& retried() const { return retried_; }
  std::string to_string() const {
    return fmt::format("call {}, {} of {}: {}", number_, name_of(hit_->kind), hit_->path,
                       std::strerror(error_));
  }
  int error() const { return error_; }

 private:
  int number_, error_, calls_ = 0;
  Lasts lasts_;
  bool made_room_ = false, in_place_ = false;
  std::optional<SystemCall> hit_;
  std::set<int> failed_syncs_;
  std::string retried_;
};

// A disk that is made anew from what a scenario finds.
class FaultyDisk {
 public:
  explicit FaultyDisk(const Scenario& scenario) {
    fs::create_directory(template_);
    scenario.before(template_);
  }

  const fs::path& renew() {
    fs::remove_all(root_);
    fs::copy(template_, root_, fs::copy_options::recursive);
    return root_;
  }
  const fs::path& root() const { return root_; }

 private:
  const ScratchFolder scratch_{memory_folder()};
  const fs::path template_ = scratch_ / "before", root_ = scratch_ / "disk";
};

void expect_named(const std::string& message, int error) {
  EXPECT_THAT(message, AllOf(HasSubstr("/disk"), HasSubstr(std::strerror(error))));
}

class FailureIn : public testing::TestWithParam<Scenario> {};

// One call fails; what was promised before holds, what was not is not there, and all goes on afterwards.
TEST_P(FailureIn, AnySystemCallLeavesTheOldOrTheNew) {
  FaultyDisk disk(GetParam());
  int failed = 0, number = 1;
  for (;; ++number) {
    Fault fault(number, kErrors.at(static_cast<size_t>(number) % kErrors.size()));
    disk.renew();
    std::vector<std::string> marks;
    std::optional<Failure> failure;
    {
      const Observation observation(disk.root(), fault);
      failure = attempt(
          [&] { GetParam().action(disk.root(), [&](const std::string& text) { marks.push_back(text); }); });
    }
    if (!fault.hit()) break;
    SCOPED_TRACE(fault.to_string());
    if (failure) {
      ++failed;
      expect_named(failure->message, fault.error());
      EXPECT_NE(failure->kind, ErrorKind::kBug);
    }
    EXPECT_EQ(fault.retried(), "");
    EXPECT_EQ(GetParam().flaw(disk.root(), marks), "");
    if (HasFailure()) return;
  }
  std::printf("%d calls, %d of them were told\n", number - 1, failed);
  EXPECT_GT(failed, 20);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, FailureIn,
                         testing::Values(saving_scenario("Removal"), saving_scenario("NewRun"),
                                         saving_scenario("NewRunWithStepsElsewhere"),
                                         saving_scenario("Reshard"), saving_scenario("OutputFolder")),
                         [](const auto& scenario) { return scenario.param.name; });

// Saves step 2 and returns what each rank threw.
std::vector<std::exception_ptr> save_under(CallObserver& observer, const fs::path& root) {
  const Observation observation(root, observer);
  return try_to_save(root, 2);
}

// Whether the save failed, the same way on all ranks.
bool has_failed(const std::vector<std::exception_ptr>& thrown, int error) {
  for (const std::exception_ptr& one : thrown)
    EXPECT_EQ(message_of(one), message_of(thrown[0])) << "the ranks do not agree";
  if (!thrown[0]) return false;
  const auto failure = attempt([&] { std::rethrow_exception(thrown[0]); });
  EXPECT_EQ(failure->kind, ErrorKind::kEnvironment);
  expect_named(failure->message, error);
  return true;
}

bool is_hidden(const std::string& name) { return name.starts_with('.'); }

// Whether a call may fail without harm: a folder was only read, or it was before the save's own, to look at a
// damaged step or to remove what others had left.
bool is_harmless(const Fault& fault) {
  const fs::path path = fault.hit()->path;
  const bool is_below_root = path.string().find("/disk/") != std::string::npos;
  return (fault.hit()->kind == CallKind::kClose && path.extension().empty()) ||
         (is_below_root && !fault.was_of_the_save());
}

class FailedSave : public testing::TestWithParam<Scenario> {};

TEST_P(FailedSave, IsToldToAllRanksAndLeavesNothing) {
  FaultyDisk disk(GetParam());
  int saves = 0, failures = 0;
  for (int number = 1;; ++number)
    for (const size_t other : {0, 3}) {
      Fault fault(number, kErrors.at((static_cast<size_t>(number) + other) % kErrors.size()));
      const bool failed = has_failed(save_under(fault, disk.renew()), fault.error());
      if (!fault.hit()) {
        std::printf("%d saves, %d of them failed\n", saves, failures);
        EXPECT_GT(failures, 50);
        return;
      }
      SCOPED_TRACE(fault.to_string());
      ++saves;
      failures += failed ? 1 : 0;
      EXPECT_TRUE(failed || is_harmless(fault)) << "nobody was told";
      EXPECT_EQ(fault.retried(), "");
      EXPECT_FALSE(failed && std::ranges::any_of(names_in(disk.root()), is_hidden)) << "something was left";
      EXPECT_EQ(flaw_of_steps(disk.root(), {.newest = {failed ? 1 : 2}, .has_damaged = failed}), "");
      if (HasFailure()) return;
    }
}

TEST_P(FailedSave, OnADiskThatGoesOnFailingLeavesTheOldStep) {
  FaultyDisk disk(GetParam());
  for (int number = 1;; ++number) {
    Fault fault(number, kErrors.at(static_cast<size_t>(number) % kErrors.size()), Lasts::kOn);
    const bool failed = has_failed(save_under(fault, disk.renew()), fault.error());
    if (!fault.hit()) return;
    SCOPED_TRACE(fault.to_string());
    EXPECT_TRUE(failed || fault.hit()->kind == CallKind::kClose) << "nobody was told";
    std::set<int64_t> newest{failed ? 1 : 2};
    // The folder had its name, and could neither be synced nor renamed back.
    if (fault.was_of_the_save() && fault.hit()->path == disk.root()) newest.insert(2);
    EXPECT_EQ(flaw_of_steps(disk.root(), {.newest = newest, .has_damaged = true}), "");
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, FailedSave,
                         testing::Values(saving_scenario("SaveBesideOthers"),
                                         saving_scenario("SaveOverDamaged")),
                         [](const auto& scenario) { return scenario.param.name; });

// Moves one byte, or a part, where more were asked for.
class ShortTransfers final : public CallObserver {
 public:
  Verdict before(const SystemCall& call) override {
    if (call.kind == CallKind::kRead) return {.most_bytes = 1 + calls_++ % 100};
    if (call.kind != CallKind::kWrite) return {};
    return {.most_bytes = calls_++ % 2 == 0 ? 1 : (call.bytes.size() + 1) / 2};
  }
  size_t calls() const { return calls_; }

 private:
  size_t calls_ = 0;
};

// Interrupts every other write and read.
class Interruptions final : public CallObserver {
 public:
  Verdict before(const SystemCall& call) override {
    const bool moves = call.kind == CallKind::kRead || call.kind == CallKind::kWrite;
    return {.error = moves && calls_++ % 2 == 0 ? EINTR : 0};
  }

 private:
  size_t calls_ = 0;
};

TEST(ShortTransfersAndInterruptions, AreGoneOnAfter) {
  FaultyDisk disk(saving_scenario("SaveBesideOthers"));
  ShortTransfers cut;
  Interruptions interrupted;
  for (CallObserver* observer : std::vector<CallObserver*>{&cut, &interrupted}) {
    EXPECT_EQ(message_of(save_under(*observer, disk.renew())[0]), "");
    {
      const Observation observation(disk.root(), *observer);
      EXPECT_EQ(flaw_of_values(StepReader::open(disk.root())), "");
    }
    EXPECT_EQ(flaw_of_steps(disk.root(), {.newest = {2}}), "");
  }
  EXPECT_GT(cut.calls(), 100u);
}

// Cuts the file short that the nth read is about to read.
class CutWhileRead final : public CallObserver {
 public:
  explicit CutWhileRead(int number) : number_(number) {}

  Verdict before(const SystemCall& call) override {
    if (call.kind != CallKind::kRead || ++calls_ != number_) return {};
    path_ = call.path;
    fs::resize_file(path_, 3);
    return {};
  }
  const std::string& path() const { return path_; }

 private:
  int number_, calls_ = 0;
  std::string path_;
};

// Reads all of the newest step and returns what went wrong.
std::optional<Failure> load(const fs::path& root, CallObserver& observer) {
  const Observation observation(root, observer);
  return attempt([&] { EXPECT_EQ(flaw_of_values(StepReader::open_step(root / step_folder_name(1))), ""); });
}

TEST(FailedLoad, NamesFileAndReason) {
  FaultyDisk disk(saving_scenario("Removal"));
  disk.renew();
  int number = 1;
  for (;; ++number)
    for (const int error : {EIO, ESTALE}) {
      Fault fault(number, error);
      const auto failure = load(disk.root(), fault);
      if (!fault.hit()) {
        EXPECT_GT(number, 50);
        return;
      }
      SCOPED_TRACE(fault.to_string());
      if (fault.hit()->kind == CallKind::kClose) continue;  // of what was read
      ASSERT_TRUE(failure) << "nobody was told";
      EXPECT_EQ(failure->kind, ErrorKind::kEnvironment);
      expect_named(failure->message, error);
    }
}

TEST(FailedLoad, NamesAFileThatIsCutWhileItIsRead) {
  FaultyDisk disk(saving_scenario("Removal"));
  for (int number = 1;; ++number) {
    CutWhileRead cut(number);
    const auto failure = load(disk.renew(), cut);
    if (cut.path().empty()) {
      EXPECT_GT(number, 10);
      return;
    }
    ASSERT_TRUE(failure) << number;
    EXPECT_EQ(failure->kind, ErrorKind::kEnvironment);
    EXPECT_THAT(failure->message, AllOf(HasSubstr(cut.path()), HasSubstr("ends at byte")));
  }
}

// Fails all calls of a kind on paths that hold a text.
class Refusals final : public CallObserver {
 public:
  Refusals(CallKind kind, std::string part, int error) : kind_(kind), part_(std::move(part)), error_(error) {}
  Verdict before(const SystemCall& call) override {
    return {.error = call.kind == kind_ && call.path.find(part_) != std::string::npos ? error_ : 0};
  }

 private:
  CallKind kind_;
  std::string part_;
  int error_;
};

// Neither is what cannot be looked at passed over, nor renamed, nor removed: it may be whole.
TEST(FailedLoad, OfWhatMayBeWholeStopsAndNothingIsPutAside) {
  FaultyDisk disk(saving_scenario("Removal"));
  const std::string newest = step_folder_name(2);
  for (const int error : {EACCES, EPERM, EIO, ESTALE, EMFILE})
    for (const std::string& part : {newest + "/manifest.json", newest + "/g"}) {
      SCOPED_TRACE(fmt::format("{}: {}", part, std::strerror(error)));
      disk.renew();
      save_dated(disk.root(), 2);
      const std::vector<std::string> names = names_in(disk.root());
      Refusals refusals(CallKind::kOpen, part, error);
      const Observation observation(disk.root(), refusals);
      const auto expect_stopped = [&](const std::function<void()>& action) {
        const auto failure = attempt(action);
        ASSERT_TRUE(failure);
        EXPECT_TRUE(failure->may_be_whole && failure->kind == ErrorKind::kEnvironment) << failure->message;
        EXPECT_THAT(failure->message, AllOf(HasSubstr(part), HasSubstr(std::strerror(error))));
        EXPECT_EQ(names_in(disk.root()), names);
      };
      expect_stopped([&] {
        load_newest(disk.root(), [](const StepReader& step) { EXPECT_EQ(flaw_of_values(step), ""); });
      });
      if (part.ends_with("/g")) continue;  // what follows opens no shard
      expect_stopped([&] { is_damaged(disk.root() / newest); });
      expect_stopped([&] { apply_retention(disk.root(), {.newest = 1}, {1}); });
      expect_stopped([&] { save_dated(disk.root(), 2); });
    }
}

TEST(FailedLoad, OfAWholeStepIsNoReasonToLoseItWhenItIsSavedAgain) {
  FaultyDisk disk(saving_scenario("Removal"));
  for (int number = 1;; ++number) {
    Fault fault(number, EIO, Lasts::kWithWrites);
    disk.renew();
    save_dated(disk.root(), 2);
    save_under(fault, disk.root());
    if (!fault.hit()) {
      EXPECT_GT(number, 10);
      return;
    }
    EXPECT_EQ(flaw_of_steps(disk.root(), {.newest = {2}}), "") << fault.to_string();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace tandem::checkpoint
