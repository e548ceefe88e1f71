// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <csignal>
#include <limits>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "tandem/base/error.h"
#include "tandem/observe/log.h"
#include "tandem/observe/metrics.h"
#include "temporary_folder.h"

namespace tandem::observe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

StepMetrics at(int64_t step, double loss = 1.0 / 3) {
  return {.step = step,
          .loss = loss,
          .learning_rate = 1e-3,
          .gradient_norm = 0.1,
          .tokens = 512,
          .seconds = 0.25};
}

std::vector<int64_t> steps_of(const std::filesystem::path& path) {
  std::vector<int64_t> steps;
  for (const StepMetrics& metrics : read_metrics(path)) steps.push_back(metrics.step);
  return steps;
}

void write_steps(const std::filesystem::path& path, int64_t first, int64_t last) {
  MetricsWriter writer(path, first - 1);
  for (int64_t step = first; step <= last; ++step) writer.write(at(step));
}

TEST(Metrics, GiveBackEveryBitOfEveryNumber) {
  StepMetrics metrics = at(7, std::nextafter(5.0, 6.0));
  metrics.learning_rate = std::numeric_limits<double>::denorm_min();
  metrics.gradient_norm = 0.1 + 0.2;
  metrics.tokens = 9007199254740993;
  metrics.validation_loss = 1e300;
  metrics.skipped = "NaN in \"decoder.0\" on rank 3";
  metrics.more = {{"peak_resident_bytes", 5.0}};
  EXPECT_EQ(parse_metrics(format_metrics(metrics)), metrics);
}

TEST(Metrics, CarryTheNamesThatReadersRelyOn) {
  StepMetrics metrics = at(1, 0.5);
  metrics.validation_loss = 2;
  EXPECT_EQ(format_metrics(metrics),
            R"({"step":1,"loss":0.5,"learning_rate":0.001,"gradient_norm":0.1,"tokens":512,)"
            R"("tokens_per_second":0.0,"seconds":0.25,"validation_loss":2.0})");
}

TEST(Metrics, TellOfSourcesByName) {
  StepMetrics metrics = at(1, 0.5);
  metrics.validation_loss = 2;
  metrics.sources = {{"general text", 96, {}}, {"新闻 \"a\"", 32, std::nextafter(2.0, 3.0)}, {"b", 0, 1}};
  metrics.skipped = "x";
  const std::string line = format_metrics(metrics);
  EXPECT_THAT(line, HasSubstr(R"("validation_loss":2.0,"sources":{"general text":{"rows":96},"新闻 \"a\"":)"
                              R"({"rows":32,"validation_loss":2.0000000000000004},)"
                              R"("b":{"rows":0,"validation_loss":1.0}},"skipped":"x"})"));
  EXPECT_EQ(parse_metrics(line), metrics);
  for (const char* bad : {R"({"a":1})", R"({"a":{}})", R"({"a":{"rows":1.5}})", "[1]", "3"})
    EXPECT_EQ(parse_metrics(format_metrics(at(1)).insert(1, fmt::format(R"("sources":{},)", bad))),
              std::nullopt)
        << bad;
}

TEST(Metrics, WriteNaNAsNullAndReadItBack) {
  const std::string line = format_metrics(at(1, std::nan("")));
  EXPECT_THAT(line, HasSubstr("\"loss\":null"));
  EXPECT_TRUE(nlohmann::json::accept(line));
  EXPECT_TRUE(std::isnan(parse_metrics(line)->loss));
}

TEST(MetricsWriter, AppendsOneObjectALine) {
  const TemporaryFolder folder;
  write_steps(folder / "run/metrics.jsonl", 1, 3);
  EXPECT_THAT(steps_of(folder / "run/metrics.jsonl"), ElementsAre(1, 2, 3));
}

TEST(MetricsWriter, TakesLaterStepsAwayAfterAResume) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_steps(path, 1, 8);
  const std::string before = read_file(path);
  write_steps(path, 6, 7);
  EXPECT_THAT(steps_of(path), ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(read_file(path), before.substr(0, read_file(path).size()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(MetricsWriter, LeavesAFileAloneThatNeedsNoCut) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_steps(path, 1, 3);
  const auto before = std::filesystem::last_write_time(path);
  { const MetricsWriter writer(path, 3); }
  EXPECT_EQ(std::filesystem::last_write_time(path), before);
}

TEST(MetricsWriter, CutsATornEndWhereverItIsTorn) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_steps(path, 1, 3);
  const std::string whole = read_file(path);
  const size_t third = whole.rfind('\n', whole.size() - 2) + 1;
  for (const size_t size :
       {third, third + 1, third + 9, whole.size() - 3, whole.size() - 2, whole.size() - 1}) {
    write_file(path, whole.substr(0, size));
    write_steps(path, 4, 4);
    // Without its newline the third line is whole all the same.
    if (size + 1 >= whole.size()) {
      EXPECT_THAT(steps_of(path), ElementsAre(1, 2, 3, 4)) << size;
    } else {
      EXPECT_THAT(steps_of(path), ElementsAre(1, 2, 4)) << size;
    }
  }
}

TEST(MetricsWriter, CutsATailOfZerosThatALossOfPowerLeft) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_steps(path, 1, 2);
  write_file(path, read_file(path) + std::string(300, '\0'));
  write_steps(path, 3, 3);
  EXPECT_THAT(steps_of(path), ElementsAre(1, 2, 3));
}

TEST(MetricsWriter, RemovesStepsThatStandTwice) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  std::string text;
  for (const auto& [step, loss] :
       std::vector<std::pair<int64_t, double>>{{1, 1}, {2, 2}, {3, 3}, {2, 20}, {3, 30}})
    text += format_metrics(at(step, loss)) + "\n";
  write_file(path, text);
  write_steps(path, 4, 4);
  const std::vector<StepMetrics> metrics = read_metrics(path);
  ASSERT_THAT(steps_of(path), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(metrics[1].loss, 20);
}

TEST(MetricsWriter, RefusesAForeignLineInTheMiddleAndKeepsTheFile) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  const std::string text = format_metrics(at(1)) + "\n{\"step\": \"two\"}\n" + format_metrics(at(3)) + "\n";
  write_file(path, text);
  try {
    const MetricsWriter writer(path, 1);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("metrics.jsonl:2:"));
  }
  EXPECT_EQ(read_file(path), text);
}

TEST(MetricsWriter, RefusesAStepThatIsNotLater) {
  const TemporaryFolder folder;
  MetricsWriter writer(folder / "metrics.jsonl", 4);
  EXPECT_THROW(writer.write(at(4)), BugError);
  writer.write(at(5));
  EXPECT_THROW(writer.write(at(5)), BugError);
}

/// Files may not grow beyond a size, as on a full disk, while one is alive.
class FullDisk {
 public:
  explicit FullDisk(rlim_t size) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small = {.rlim_cur = size, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*handler_)(int) = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before_{};
};

/// The process's log goes to a file of the folder while one is alive.
class LogInFolder {
 public:
  explicit LogInFolder(const TemporaryFolder& folder) : path_(folder / "log/rank_00000.log") {
    set_process_log(std::make_shared<Log>(LogOptions{.directory = path_.parent_path()}));
  }
  ~LogInFolder() { set_process_log(nullptr); }
  LogInFolder(const LogInFolder&) = delete;
  LogInFolder& operator=(const LogInFolder&) = delete;
  size_t count(std::string_view text) const {
    const std::string log = read_file(path_);
    size_t found = 0;
    for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++found;
    return found;
  }

 private:
  std::filesystem::path path_;
};

TEST(MetricsWriter, KeepsLinesThatAFullDiskDoesNotTakeAndWritesThemInOrderLater) {
  const TemporaryFolder folder;
  const LogInFolder log(folder);
  const auto path = folder / "metrics.jsonl";
  MetricsWriter writer(path, 0);
  // The log is to have room where these have none.
  for (int64_t step = 1; step <= 100; ++step) writer.write(at(step));
  const std::string whole = read_file(path);
  {
    const FullDisk full(whole.size() + 10);
    writer.write(at(101));
    writer.write(at(102));
    EXPECT_THROW(writer.sync(), EnvironmentError);
    EXPECT_EQ(read_file(path), whole);
  }
  EXPECT_EQ(log.count("metrics.jsonl: File too large; what belongs there waits in memory"), 1u);
  EXPECT_EQ(log.count("metrics.jsonl can be appended to again"), 0u);
  writer.write(at(103));
  std::vector<int64_t> all(103);
  std::iota(all.begin(), all.end(), 1);
  EXPECT_EQ(steps_of(path), all);
  EXPECT_EQ(log.count("metrics.jsonl can be appended to again"), 1u);
  EXPECT_NO_THROW(writer.sync());
}

TEST(MetricsWriter, WritesWhatWaitsWithTheNextSync) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  MetricsWriter writer(path, 0);
  {
    const FullDisk full(10);
    writer.write(at(1));
  }
  EXPECT_THAT(steps_of(path), ElementsAre());
  writer.sync();
  EXPECT_THAT(steps_of(path), ElementsAre(1));
}

TEST(MetricsReader, LeavesOutALineThatIsStillBeingWritten) {
  const TemporaryFolder folder;
  write_file(folder / "metrics.jsonl", format_metrics(at(1)) + "\n{\"step\":2,\"lo");
  EXPECT_THAT(steps_of(folder / "metrics.jsonl"), ElementsAre(1));
}

TEST(MetricsReader, NamesAMissingFile) { EXPECT_THROW(read_metrics("/nowhere/metrics.jsonl"), InputError); }

TEST(RecordFile, KeepsNoMoreThanItsBound) {
  const TemporaryFolder folder;
  const FullDisk full(10);
  RecordFile file(folder / "file");
  const std::string quarter(RecordFile::kMostWaiting / 4, 'x');
  for (int i = 0; i < 4; ++i) file.append(quarter);
  try {
    file.append("x");
    FAIL();
  } catch (const EnvironmentError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("cannot append to " + (folder / "file").string() + ": File too large"));
  }
}

TEST(RecordFile, NamesAPlaceThatCannotBeWritten) {
  const TemporaryFolder folder;
  write_file(folder / "taken", "");
  EXPECT_THROW(RecordFile(folder / "taken/file"), EnvironmentError);
}

}  // namespace
}  // namespace tandem::observe
