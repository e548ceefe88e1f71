// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/adapt/tuning_record.h"
#include "tandem/base/error.h"
#include "tests/data/scratch_folder.h"

namespace tandem::adapt {
namespace {

namespace fs = std::filesystem;
using data::message_of;
using testing::HasSubstr;

TuningRecord example() {
  return {.start_from = "/runs/base/checkpoints/step_00000100",
          .tasks = {{.task = "tnews", .split = "0", .patterns = {"report", "about"}},
                    {.task = "chid", .split = "few_all", .patterns = {"passage"}}},
          .results = {{.step = 10, .accuracy = 0.25, .by_task = {{"tnews", 0.2}, {"chid", 0.3}}, .loss = 1.5},
                      {.step = 20, .accuracy = 0.3, .by_task = {}, .loss = {}}},
          .chosen = 20};
}

TEST(TuningRecord, IsReadAsItWasWritten) {
  const data::ScratchFolder folder;
  const fs::path run = folder / "";
  EXPECT_EQ(read_tuning_record(run), std::nullopt);
  write_tuning_record(run, example());
  EXPECT_EQ(read_tuning_record(run), example());
  TuningRecord begun = example();
  begun.results.clear();
  begun.chosen.reset();
  write_tuning_record(run, begun);
  EXPECT_EQ(read_tuning_record(run), begun);
}

TEST(TuningRecord, IsFoundFromAStepOfItsRun) {
  const data::ScratchFolder folder;
  const fs::path step = fs::path(folder / "checkpoints") / "step_00000020";
  fs::create_directories(step);
  EXPECT_EQ(tuning_of_step(step), std::nullopt);
  write_tuning_record(folder / "", example());
  EXPECT_EQ(tuning_of_step(step), example());
  EXPECT_EQ(tuning_of_step(step / ""), example());
  EXPECT_EQ(*tuning_of_step(step)->find("chid"), example().tasks[1]);
  EXPECT_EQ(example().find("ocnli"), nullptr);
}

TEST(TuningRecord, DamageIsTold) {
  const data::ScratchFolder folder;
  const auto problem = [&] { return message_of<EnvironmentError>([&] { read_tuning_record(folder / ""); }); };
  folder.write("task.json", "{\"tasks\": ");
  EXPECT_THAT(problem(), HasSubstr("task.json"));
  folder.write("task.json", "{\"start_from\": \"x\"}");
  EXPECT_THAT(problem(), HasSubstr("'tasks' is missing"));
}

DevResult result(int64_t step, double accuracy, std::optional<double> loss) {
  return {.step = step, .accuracy = accuracy, .by_task = {}, .loss = loss};
}

TEST(BestResult, AccuracyThenLossThenTheFirst) {
  EXPECT_EQ(best_of({result(1, 0.5, 1), result(2, 0.6, 2)}).step, 2);
  EXPECT_EQ(best_of({result(1, 0.5, 2), result(2, 0.5, 1)}).step, 2);
  EXPECT_EQ(best_of({result(1, 0.5, 1), result(2, 0.5, 1)}).step, 1);
  EXPECT_EQ(best_of({result(1, 0.5, {}), result(2, 0.5, 1)}).step, 1);
}

}  // namespace
}  // namespace tandem::adapt
