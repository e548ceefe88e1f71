// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_task.h"
#include "tandem/base/error.h"
#include "tandem/tasks/task_data.h"
#include "tests/data/scratch_folder.h"

namespace tandem::tasks {
namespace {

using data::message_of;
using testing::ElementsAre;
using testing::HasSubstr;

// Lines of these sentences, all of label 1.
std::string lines_of(const std::vector<std::string>& sentences) {
  std::string lines;
  int64_t id = 0;
  for (const std::string& sentence : sentences)
    lines += nlohmann::json{{"id", id++}, {"sentence", sentence}, {"label", 1}}.dump() + "\n";
  return lines;
}

class DataOfATask : public testing::Test {
 protected:
  DataOfATask() : task_(task_of(invented_json())) {
    folder_.write("train_0.json", lines_of({"a", "b", "c"}));
    folder_.write("dev_0.json", lines_of({"d"}));
    folder_.write("test_public.json", lines_of({"p", "q"}));
    folder_.write("test.json", lines_of({"q", "r", "s"}));
  }
  TaskData open() const { return {task_, folder_ / ""}; }
  std::string refusal(const std::string& name) const {
    return message_of<InputError>([&] { open().training_rows(name); });
  }

  Task task_;
  data::ScratchFolder folder_;
};

TEST_F(DataOfATask, TestTextsAreDroppedFromUnlabeledOnesAndCounted) {
  folder_.write("unlabeled.json", lines_of({"u", "p", "p", "q", "r", "v", "u"}));
  const Unlabeled unlabeled = open().unlabeled();
  std::vector<std::string> kept;
  for (const Row& row : unlabeled.rows) kept.push_back(row.values[0]);
  EXPECT_THAT(kept, ElementsAre("u", "v", "u"));
  EXPECT_EQ(unlabeled.dropped, 4);
  ASSERT_EQ(unlabeled.from.size(), 2u);
  EXPECT_EQ(unlabeled.from[0].test, "test_public");
  EXPECT_EQ(unlabeled.from[0].texts, 2);
  EXPECT_EQ(unlabeled.from[0].lines, 3);
  EXPECT_EQ(unlabeled.from[1].test, "test");
  EXPECT_EQ(unlabeled.from[1].texts, 2);
  EXPECT_EQ(unlabeled.from[1].lines, 2);
}

TEST_F(DataOfATask, UnlabeledTextsMayBeAbsent) {
  const Unlabeled unlabeled = open().unlabeled();
  EXPECT_TRUE(unlabeled.rows.empty());
  EXPECT_EQ(unlabeled.dropped, 0);
}

TEST_F(DataOfATask, IsTrainedOnByItsOwnNameOnly) {
  EXPECT_EQ(open().training_rows("train_0").rows.size(), 3u);
  EXPECT_EQ(open().training_rows("dev_0").rows.size(), 1u);
  for (const char* name : {"test_public", "test", "unlabeled"})
    EXPECT_THAT(refusal(name), HasSubstr("is not there to be trained on"));
  EXPECT_EQ(refusal("train_9"), "the task weather has no file 'train_9'; the nearest is 'train_0'");
}

TEST_F(DataOfATask, ATestFileInATrainingFilesPlaceIsRefused) {
  folder_.write("train_0.json", lines_of({"r", "q", "s"}));
  EXPECT_THAT(
      refusal("train_0"),
      HasSubstr("train_0.json: 3 of its 3 lines are in the test file test.json; train on other lines"));
  folder_.write("train_0.json", lines_of({"p", "a", "b"}));
  EXPECT_EQ(open().training_rows("train_0").rows.size(), 3u);
  folder_.write("train_0.json", lines_of({"p", "a"}));
  EXPECT_THAT(refusal("train_0"), HasSubstr("1 of its 2 lines are in the test file test_public.json"));
  std::filesystem::remove(folder_ / "dev_0.json");
  std::filesystem::create_symlink("test_public.json", folder_ / "dev_0.json");
  EXPECT_THAT(refusal("dev_0"), HasSubstr("are in the test file test_public.json"));
}

TEST_F(DataOfATask, AFileOrFolderThatIsNotThereIsNamed) {
  EXPECT_THAT(refusal("train_1"), HasSubstr("train_1.json does not exist"));
  EXPECT_THAT(message_of<InputError>([&] { TaskData(task_, folder_ / "none"); }),
              HasSubstr("none is no folder"));
  std::filesystem::create_directory(folder_ / "empty");
  EXPECT_THAT(message_of<InputError>([&] { TaskData(task_, folder_ / "empty"); }),
              HasSubstr("holds no file of weather, such as train_0.json"));
}

}  // namespace
}  // namespace tandem::tasks
