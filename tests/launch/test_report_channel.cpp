// SPDX-License-Identifier: Apache-2.0
#include <climits>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tandem/launch/report_channel.h"
#include "tandem/launch/report_pipe.h"

namespace tandem::launch {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Is this process's launcher: the variables of a rank are set while it lives.
class ReportChannel : public testing::Test {
 protected:
  ReportChannel() {
    Variables variables;
    pipe_.describe(variables);
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~ReportChannel() override {
    for (const char* name : {kReportDescriptorVariable, kReportPipeVariable}) ::unsetenv(name);
  }
  void write(std::string_view bytes) {
    ASSERT_EQ(::write(pipe_.write_descriptor(), bytes.data(), bytes.size()), ssize_t(bytes.size()));
  }

  ReportPipe pipe_;
};

TEST_F(ReportChannel, ReportedStepsArriveInOrder) {
  EXPECT_THAT(pipe_.take(), IsEmpty());
  for (const int64_t step : {int64_t{0}, int64_t{120}, INT64_MAX}) report_committed_step(step);
  EXPECT_THAT(pipe_.take(), ElementsAre(0, 120, INT64_MAX));
  EXPECT_THAT(pipe_.take(), IsEmpty());
}

TEST_F(ReportChannel, LineIsWhatIsDocumented) {
  EXPECT_EQ(committed_step_line(120), "{\"event\":\"committed\",\"step\":120}\n");
  EXPECT_LT(committed_step_line(INT64_MIN).size(), size_t{512});
}

TEST_F(ReportChannel, ReportingRanksDoNotMixTheirLines) {
  std::vector<std::thread> ranks;
  for (int rank = 0; rank < 4; ++rank)
    ranks.emplace_back([rank] {
      for (int i = 0; i < 100; ++i) report_committed_step(1'000'000'000'000 * rank + i);
    });
  for (std::thread& rank : ranks) rank.join();
  std::vector<int64_t> expected;
  for (int rank = 0; rank < 4; ++rank)
    for (int i = 0; i < 100; ++i) expected.push_back(1'000'000'000'000 * rank + i);
  EXPECT_THAT(pipe_.take(), testing::UnorderedElementsAreArray(expected));
}

TEST_F(ReportChannel, LineThatComesInPiecesIsOne) {
  write("{\"event\":\"committed\",");
  EXPECT_THAT(pipe_.take(), IsEmpty());
  write("\"step\":7}\n{\"ev");
  EXPECT_THAT(pipe_.take(), ElementsAre(7));
  write("ent\":\"committed\",\"step\":8}\n");
  EXPECT_THAT(pipe_.take(), ElementsAre(8));
}

TEST_F(ReportChannel, WhatIsNoReportIsPassedOver) {
  write("\n\nhello\n[1]\n7\nnull\n{}\n{\"event\":\"committed\"}\n{\"event\":\"committed\",\"step\":-1}\n");
  write("{\"event\":\"committed\",\"step\":1.5}\n{\"event\":\"committed\",\"step\":\"9\"}\n");
  write("{\"event\":\"committed\",\"step\":18446744073709551615}\n{\"event\":\"later\",\"step\":3}\n");
  write("{\"event\":\"committed\",\"step\":4,\"step\":5}\n" + std::string(400, '[') + "\n");
  write("{\"event\":\"committed\",\"step\":6,\"more\":[\"of a later version\"]}\n");
  EXPECT_THAT(pipe_.take(), ElementsAre(6));
}

TEST_F(ReportChannel, BytesWithoutALineDoNotAddUp) {
  for (int i = 0; i < 20; ++i) {
    write(std::string(60'000, 'x'));
    EXPECT_THAT(pipe_.take(), IsEmpty());
  }
  write("\n" + committed_step_line(5));
  EXPECT_THAT(pipe_.take(), ElementsAre(5));
}

TEST_F(ReportChannel, FullPipeLosesReportsAndBlocksNobody) {
  for (int64_t step = 0; step < 10'000; ++step) report_committed_step(step);
  const std::vector<int64_t> steps = pipe_.take();
  EXPECT_GT(steps.size(), 1000u);
  EXPECT_LT(steps.size(), 10'000u);
  report_committed_step(123'456);
  EXPECT_THAT(pipe_.take(), testing::Contains(123'456));
}

TEST_F(ReportChannel, ProgramsStartedAfterwardsDoNotInheritIt) {
  ::fcntl(pipe_.write_descriptor(), F_SETFD, 0);
  report_committed_step(1);
  EXPECT_EQ(::fcntl(pipe_.write_descriptor(), F_GETFD), FD_CLOEXEC);
}

TEST_F(ReportChannel, LauncherThatIsGoneIsNoSignal) {
  const Descriptor writer(::fcntl(pipe_.write_descriptor(), F_DUPFD_CLOEXEC, 0));
  ASSERT_GE(writer.get(), 0);
  ::setenv(kReportDescriptorVariable, std::to_string(writer.get()).c_str(), 1);
  pipe_ = ReportPipe();
  const auto former = std::signal(SIGPIPE, SIG_DFL);
  report_committed_step(1);
  sigset_t pending, mask;
  ::sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGPIPE), 0);
  std::signal(SIGPIPE, former);
}

TEST_F(ReportChannel, DescriptorThatIsAnotherFileNowIsLeftAlone) {
  const ReportPipe other;
  ::setenv(kReportDescriptorVariable, std::to_string(other.write_descriptor()).c_str(), 1);
  report_committed_step(1);
  std::array<char, 64> bytes;
  EXPECT_EQ(::read(other.descriptor(), bytes.data(), bytes.size()), -1);
  for (const char* number : {"-1", "x", "", "99999999999999999999", "2147483648", "4096"}) {
    ::setenv(kReportDescriptorVariable, number, 1);
    report_committed_step(1);
  }
  EXPECT_THAT(pipe_.take(), IsEmpty());
}

TEST_F(ReportChannel, PipeThatWouldBlockIsLeftAlone) {
  ::fcntl(pipe_.write_descriptor(), F_SETFL, 0);
  report_committed_step(1);
  EXPECT_THAT(pipe_.take(), IsEmpty());
}

TEST_F(ReportChannel, NothingHappensWithoutALauncher) {
  ::unsetenv(kReportPipeVariable);
  report_committed_step(1);
  ::unsetenv(kReportDescriptorVariable);
  report_committed_step(1);
  EXPECT_THAT(pipe_.take(), IsEmpty());
}

}  // namespace
}  // namespace tandem::launch
