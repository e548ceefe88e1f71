// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_task.h"
#include "tandem/base/error.h"
#include "tandem/tasks/submission.h"
#include "tests/data/scratch_folder.h"

namespace tandem::tasks {
namespace {

using data::message_of;
using nlohmann::json;
using testing::HasSubstr;

Rows rows_of(const std::vector<std::string>& ids) {
  Rows rows;
  for (const std::string& id : ids)
    rows.rows.push_back({.line = std::ssize(rows.rows) + 1, .id = id, .values = {"x"}});
  return rows;
}

json with(const char* id_type, const char* member, const char* type) {
  json task = invented_json();
  task["submission"] = {{"file", "x.json"}, {"id", id_type}, {"member", member}, {"type", type}};
  return task;
}

std::string made(const json& task, const std::vector<std::string>& ids, const std::vector<size_t>& answers) {
  return submission_of(task_of(task), rows_of(ids), answers, "test.json");
}

TEST(Submission, HasTheTypesThatTheTaskSays) {
  EXPECT_EQ(made(invented_json(), {"111", "0"}, {1, 0}),
            "{\"id\": 111, \"label\": \"2\"}\n{\"id\": 0, \"label\": \"1\"}\n");
  EXPECT_EQ(made(with("text", "label", "text"), {"0"}, {1}), "{\"id\": \"0\", \"label\": \"2\"}\n");
  EXPECT_EQ(made(with("integer", "answer", "integer"), {"7"}, {0}), "{\"id\": 7, \"answer\": 1}\n");
  json passages = invented_candidates_json();
  passages["submission"] = {{"file", "x.json"}, {"id", "integer"}, {"member", "answer"}, {"type", "integer"}};
  EXPECT_EQ(made(passages, {"3000"}, {2}), "{\"id\": 3000, \"answer\": 2}\n");
}

TEST(Submission, LabelsAreEchoedExactly) {
  json task = invented_json();
  task["labels"][0]["label"] = "图书馆、情报/\"档案\"";
  EXPECT_EQ(made(task, {"1"}, {0}), "{\"id\": 1, \"label\": \"图书馆、情报/\\\"档案\\\"\"}\n");
}

TEST(Submission, AnIdOfAnotherTypeIsToldWithItsLine) {
  EXPECT_EQ(message_of<InputError>([] {
              made(invented_json(), {"1", "x7"}, {0, 0});
            }),
            "test.json:2: the id 'x7' is no integer, as a submission of weather needs");
}

std::string problem_of(const std::string& lines, const json& task = invented_json()) {
  return message_of<InputError>([&] {
    check_submission(task_of(task), rows_of({"5", "6", "6"}), lines, "s.json");
  });
}

constexpr const char* kFirst = "{\"id\": 5, \"label\": \"1\"}\n";
constexpr const char* kSecond = "{\"id\": 6, \"label\": \"2\"}\n";

TEST(Submission, WhatIsMadeIsAccepted) {
  check_submission(task_of(invented_json()), rows_of({"5", "6", "6"}),
                   made(invented_json(), {"5", "6", "6"}, {0, 1, 0}), "s.json");
}

TEST(Submission, EachFaultIsToldWithItsLine) {
  const std::string first = kFirst, second = kSecond;
  EXPECT_THAT(problem_of(second + first + second),
              HasSubstr("s.json:1: the id is 6, but the test file's line has 5"));
  EXPECT_THAT(problem_of(first + second), HasSubstr("s.json has 2 lines, but the test file 3"));
  EXPECT_THAT(problem_of(first + second + second + second), HasSubstr("s.json has more lines than the 3"));
  EXPECT_THAT(problem_of(first + second + "{\"id\": \"6\", \"label\": \"2\"}\n"),
              HasSubstr("s.json:3: the id is \"6\""));
  EXPECT_THAT(problem_of(first + "{\"id\": 6, \"label\": 2}\n" + second),
              HasSubstr("s.json:2: \"label\" is 2, which is no answer of weather as text"));
  EXPECT_THAT(problem_of(first + "{\"id\": 6, \"label\": \"3\"}\n" + second),
              HasSubstr("which is no answer"));
  EXPECT_THAT(problem_of(first + "{\"id\": 6, \"label\": \"2\", \"x\": 1}\n" + second), HasSubstr("alone"));
  EXPECT_THAT(problem_of(first + "[6]\n" + second), HasSubstr("s.json:2 is no object"));
  EXPECT_THAT(problem_of(first + "{\"id\": 6\n" + second), HasSubstr("s.json:2"));
  EXPECT_THAT(problem_of(first + "{\"id\": 6.0, \"label\": \"2\"}\n" + second), HasSubstr("the id is 6.0"));
}

}  // namespace
}  // namespace tandem::tasks
