// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/adapt/job_runner.h"
#include "tandem/adapt/jobs.h"
#include "tandem/adapt/summary.h"
#include "tandem/base/error.h"
#include "tests/data/scratch_folder.h"

namespace tandem::adapt {
namespace {

namespace fs = std::filesystem;
using data::message_of;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kPlan = R"({
  "checkpoint": "base", "output": "out",
  "tasks": [{"task": "tnews", "data": "d/tnews", "pattern": "about"}, {"task": "my/weather.json", "data": "/w"}],
  "splits": ["0", "1", "few_all"], "seeds": [1, 2], "methods": ["plain", "pet"],
  "settings": ["--epochs", "3"], "pet_rows": 50})";

class Plan : public testing::Test {
 protected:
  JobPlan read(const std::string& text = kPlan) const {
    return read_job_plan(folder_.write("plan.json", text));
  }
  std::string problem(const std::string& text) const {
    return message_of<InputError>([&] { read(text); });
  }
  data::ScratchFolder folder_;
};

TEST_F(Plan, EveryWayTaskSplitAndSeedIsAJob) {
  const std::vector<Job> jobs = jobs_of(read());
  ASSERT_EQ(jobs.size(), 2u * 2 * 3 * 2);
  EXPECT_EQ(jobs[0].name(), "plain/tnews/0/1");
  EXPECT_EQ(jobs[1].name(), "plain/tnews/0/2");
  EXPECT_EQ(jobs[6].name(), "plain/weather/0/1");
  EXPECT_EQ(jobs.back().name(), "pet/weather/few_all/2");
  EXPECT_EQ(jobs.back().folder, folder_ / "out/pet/weather/few_all/2");
  EXPECT_FALSE(jobs.back().is_done());
}

TEST_F(Plan, AJobIsItsSteps) {
  const JobPlan plan = read();
  const std::vector<Job> jobs = jobs_of(plan);
  const TaskFacts task{.patterns = {"report", "about"}, .has_unlabeled = true};
  const auto plain = steps_of(jobs[0], plan, task);
  const std::string base = folder_ / "base", data = folder_ / "d/tnews",
                    out = folder_ / "out/plain/tnews/0/1";
  ASSERT_EQ(plain.size(), 2u);
  EXPECT_THAT(plain[0].arguments, ElementsAre("task", "train", "--task", "tnews", "--data", data, "--split",
                                              "0", "--checkpoint", base, "--output", out + "/run", "--seed",
                                              "1", "--pattern", "plain", "--epochs", "3"));
  EXPECT_THAT(plain[1].arguments,
              ElementsAre("task", "evaluate", "--task", "tnews", "--data", data, "--checkpoint", out + "/run",
                          "--file", "test_public", "--json"));
  EXPECT_EQ(plain[1].output, out + "/result.json");
  const auto pet = steps_of(jobs[12], plan, task);
  ASSERT_EQ(pet.size(), 5u);
  EXPECT_EQ(pet[2].arguments[1], "label");
  EXPECT_THAT(pet[2].arguments, testing::IsSupersetOf({std::string("--rows"), std::string("50")}));
  EXPECT_EQ(pet[3].arguments[1], "train");
  EXPECT_THAT(pet[3].arguments, testing::Contains("--soft"));
  const auto without_texts = steps_of(jobs[12], plan, {.patterns = {"report", "about"}});
  ASSERT_EQ(without_texts.size(), 2u);
  EXPECT_THAT(without_texts[0].arguments,
              testing::IsSupersetOf({std::string("--pattern"), std::string("about")}));
}

TEST_F(Plan, EachGenerationOfIpetLearnsFromMoreOfWhatTheOthersSay) {
  std::string text = kPlan;
  text.replace(text.find("\"pet\""), 5, "\"ipet\"").insert(1, "\"generations\": 2,");
  const JobPlan plan = read(text);
  const Job job = jobs_of(plan)[12];
  ASSERT_EQ(job.method, Method::kIpet);
  const auto steps = steps_of(job, plan, {.patterns = {"a", "b", "c"}, .has_unlabeled = true});
  // Three models, two generations of three labellings and models, the last labelling, the last model.
  ASSERT_EQ(steps.size(), 3u + 2 * 2 * 3 + 3);
  const std::string out = job.folder;
  const auto label = [&](const std::string& soft, const std::string& rows,
                         const std::vector<std::string>& by) {
    std::vector<std::string> arguments{
        "task",     "label", "--task",    "tnews", "--data", folder_ / "d/tnews",
        "--output", soft,    "--pattern", "about", "--rows", rows};
    for (const std::string& run : by) arguments.insert(arguments.end(), {"--checkpoint", run});
    return arguments;
  };
  EXPECT_EQ(steps[3].arguments, label(out + "/generation_1_a.jsonl", "10", {out + "/b", out + "/c"}));
  EXPECT_EQ(steps[5].arguments, label(out + "/generation_1_b.jsonl", "10", {out + "/a", out + "/c"}));
  EXPECT_THAT(
      steps[6].arguments,
      testing::IsSupersetOf({out + "/generation_1/b", out + "/generation_1_b.jsonl", std::string("--soft")}));
  EXPECT_EQ(steps[9].arguments,
            label(out + "/generation_2_a.jsonl", "50", {out + "/generation_1/b", out + "/generation_1/c"}));
  EXPECT_EQ(steps[15].arguments,
            label(out + "/soft.jsonl", "50",
                  {out + "/generation_2/a", out + "/generation_2/b", out + "/generation_2/c"}));
  EXPECT_THAT(steps[16].arguments, testing::IsSupersetOf({out + "/run", out + "/soft.jsonl"}));
}

TEST_F(Plan, FaultsAreToldWithTheirPlace) {
  EXPECT_THAT(problem("{}"), HasSubstr("'checkpoint' is missing"));
  const auto with = [&](const std::string& what, const std::string& instead) {
    std::string text = kPlan;
    return problem(text.replace(text.find(what), what.size(), instead));
  };
  EXPECT_THAT(with("\"plain\", \"pet\"", "\"pte\""), HasSubstr("'methods' has 'pte', which is none of"));
  EXPECT_THAT(with("[1, 2]", "[]"), HasSubstr("'seeds' is empty"));
  EXPECT_THAT(with("[1, 2]", "[-1]"), HasSubstr("'seeds' are not whole numbers"));
  EXPECT_THAT(with("\"splits\"", "\"split\""), HasSubstr("'splits' is missing"));
  EXPECT_THAT(with("\"pet_rows\": 50", "\"pet_rows\": 0"), HasSubstr("'pet_rows' is 0"));
  EXPECT_THAT(with("\"pet_rows\": 50", "\"generations\": 0"), HasSubstr("'generations' is 0"));
  EXPECT_THAT(with("\"pet\"],\n  \"settings\": [\"--epochs\", \"3\"], \"pet_rows\": 50", "\"ipet\"]"),
              HasSubstr("'ipet' needs 'pet_rows'"));
}

TEST_F(Plan, ResultsAreSummedUp) {
  const JobPlan plan = read();
  for (const Job& job : jobs_of(plan)) {
    if (job.method != Method::kPlain || job.task.task != "tnews") continue;
    fs::create_directories(job.folder);
    const double accuracy = (job.split == "0"   ? 0.2
                             : job.split == "1" ? 0.4
                                                : 0.6) +
                            0.01 * static_cast<double>(job.seed);
    folder_.write(
        fs::relative(job.result(), folder_ / "").string(),
        fmt::format(R"({{"accuracy": {}, "majority": 0.1, "floor": [{{"split": "0", "accuracy": 0.3}}]}})",
                    accuracy));
  }
  const Summary summary = summary_of(plan);
  EXPECT_EQ(summary.done, 6u);
  EXPECT_EQ(summary.jobs, 24u);
  EXPECT_THAT(summary.tasks, ElementsAre("tnews", "weather"));
  const Reached& plain = summary.reached.at("plain").at("tnews");
  EXPECT_DOUBLE_EQ(plain.splits.mean, 0.315);
  EXPECT_NEAR(plain.splits.deviation, 0.2 / std::sqrt(2.0), 1e-12);
  EXPECT_DOUBLE_EQ(*plain.few_all, 0.615);
  EXPECT_DOUBLE_EQ(summary.reached.at("majority").at("tnews").splits.mean, 0.1);
  EXPECT_DOUBLE_EQ(summary.reached.at("characters").at("tnews").splits.mean, 0.3);
  EXPECT_FALSE(summary.reached.contains("pet"));
}

class Running : public testing::Test {
 protected:
  RunnableJob job(const std::string& name, const std::vector<std::string>& scripts) const {
    RunnableJob job{
        .job = {.task = {.task = name, .data = {}, .pattern = {}}, .split = "0", .folder = folder_ / name},
        .steps = {}};
    for (const std::string& script : scripts)
      job.steps.push_back({.arguments = {"-c", script}, .output = {}});
    return job;
  }
  data::ScratchFolder folder_;
};

TEST_F(Running, StepsFollowEachOtherAndAFailureEndsItsJobAlone) {
  std::vector<RunnableJob> jobs{job("good", {"echo one", "echo two >&2", "echo three"}),
                                job("bad", {"echo before; exit 3", "echo never"}),
                                job("last", {"echo here"})};
  jobs[0].steps[2].output = folder_ / "good/result.json";
  std::vector<std::string> ended;
  const auto failed =
      run_jobs(jobs, {.program = "/bin/sh", .parallel = 2, .ended = [&](const Job& one, bool well) {
                        ended.push_back(one.task.task + (well ? " well" : " failed"));
                      }});
  EXPECT_THAT(failed, ElementsAre("pattern/bad/0/1"));
  EXPECT_THAT(ended, testing::UnorderedElementsAre("good well", "bad failed", "last well"));
  EXPECT_EQ(folder_.read("good/log.txt"), "one\ntwo\n");
  EXPECT_EQ(folder_.read("good/result.json"), "three\n");
  EXPECT_EQ(folder_.read("bad/log.txt"), "before\n");
  EXPECT_EQ(folder_.read("last/log.txt"), "here\n");
}

TEST_F(Running, ASignalEndsAllAndSaysWhatIsLeft) {
  const std::vector<RunnableJob> jobs{
      job("first",
          {"echo started; trap 'echo told; exit 3' TERM; kill -TERM $PPID; while :; do sleep 0.05; done"}),
      job("second", {"echo never"})};
  EXPECT_EQ(message_of<EnvironmentError>([&] { run_jobs(jobs, {.program = "/bin/sh"}); }),
            "interrupted: 2 of 2 jobs are left; the same command goes on with them");
  EXPECT_EQ(folder_.read("first/log.txt"), "started\ntold\n");
  EXPECT_FALSE(fs::exists(folder_ / "second"));
}

TEST(Spread, MeanAndDeviation) {
  EXPECT_EQ(spread_of({}).mean, 0);
  EXPECT_EQ(spread_of({3}).mean, 3);
  EXPECT_EQ(spread_of({3}).deviation, 0);
  EXPECT_DOUBLE_EQ(spread_of({1, 2, 3}).mean, 2);
  EXPECT_DOUBLE_EQ(spread_of({1, 2, 3}).deviation, 1);
}

}  // namespace
}  // namespace tandem::adapt
