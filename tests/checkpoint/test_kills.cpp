// SPDX-License-Identifier: Apache-2.0
// What is found after a process was killed at each system call that changes a disk, or at any moment.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "saving_scenarios.h"
#include "scratch_folder.h"
#include "system_calls.h"

namespace tandem::checkpoint {
namespace {

namespace fs = std::filesystem;

// Kills the process right after its nth call that changes the disk, or before the first.
class Killer final : public CallObserver {
 public:
  explicit Killer(int after_call) : after_call_(after_call) {}

  Verdict before(const SystemCall& call) override {
    if (changes_disk(call.kind) && after_call_ == 0) ::kill(::getpid(), SIGKILL);
    return {};
  }
  void after(const SystemCall& call, int64_t) override {
    if (changes_disk(call.kind) && ++calls_ == after_call_) ::kill(::getpid(), SIGKILL);
  }

 private:
  int after_call_, calls_ = 0;
};

constexpr int kNever = -1;

class KillIn : public testing::TestWithParam<Scenario> {
 protected:
  KillIn() {
    fs::create_directory(template_);
    GetParam().before(template_);
  }

  // Does the action on a disk of its own, in a process that may be killed; `killer` has a moment to do so.
  // Returns how the process ended.
  int run(
      int after_call, const std::function<void(pid_t)>& meanwhile = [](pid_t) {}) {
    fs::remove_all(root_);
    fs::remove(marks_);
    fs::copy(template_, root_, fs::copy_options::recursive);
    const pid_t child = ::fork();
    if (child == 0) {
      Killer killer(after_call);
      const Observation observation(root_, killer);
      GetParam().action(
          root_, [&](const std::string& text) { std::ofstream(marks_, std::ios::app) << text << std::endl; });
      ::_exit(0);
    }
    meanwhile(child);
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }

  // Returns what is wrong with what the process left.
  std::string flaw() const {
    std::vector<std::string> marks;
    std::ifstream file(marks_);
    for (std::string line; std::getline(file, line);) marks.push_back(line);
    return GetParam().flaw(root_, marks);
  }

  const ScratchFolder scratch_{memory_folder()};
  const fs::path template_ = scratch_ / "before", root_ = scratch_ / "disk", marks_ = scratch_ / "marks";
};

TEST_P(KillIn, AnySystemCallLeavesTheOldOrTheNew) {
  int call = 0;
  for (bool ended = false; !ended; ++call) {
    const int status = run(call);
    ended = WIFEXITED(status);
    ASSERT_TRUE(ended || WTERMSIG(status) == SIGKILL) << "status " << status;
    ASSERT_EQ(flaw(), "") << "killed after call " << call;
  }
  std::printf("%d points\n", call - 1);
  EXPECT_GT(call, 30);
}

TEST_P(KillIn, AnyMomentLeavesTheOldOrTheNew) {
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(run(kNever), 0);
  const auto whole =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  std::mt19937_64 random(4);
  constexpr int kTimes = 20;
  for (int time = 0; time < kTimes; ++time) {
    const auto delay = whole * static_cast<int64_t>(random() % 1000) / 1000;
    run(kNever, [&](pid_t child) {
      std::this_thread::sleep_for(delay);
      ::kill(child, SIGKILL);
    });
    ASSERT_EQ(flaw(), "") << "killed after " << delay.count() << " us";
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, KillIn, testing::ValuesIn(saving_scenarios()),
                         [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace tandem::checkpoint
