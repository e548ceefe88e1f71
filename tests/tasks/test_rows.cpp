// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_task.h"
#include "tandem/base/error.h"
#include "tandem/tasks/rows.h"
#include "tests/data/scratch_folder.h"

namespace tandem::tasks {
namespace {

using data::message_of;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class RowsOfAFile : public testing::Test {
 protected:
  Rows read(const json& task, const std::string& bytes, FileRole role = FileRole::kTrain) const {
    return read_rows(task_of(task), role, folder_.write("file.json", bytes));
  }
  Rows read(const std::string& bytes, FileRole role = FileRole::kTrain) const {
    return read(invented_json(), bytes, role);
  }
  std::string problem(const json& task, const std::string& bytes, FileRole role = FileRole::kTrain) const {
    const std::string message = message_of<InputError>([&] { read(task, bytes, role); });
    const size_t at = message.find("file.json");
    return at == std::string::npos ? message : message.substr(at);
  }
  std::string problem(const std::string& bytes, FileRole role = FileRole::kTrain) const {
    return problem(invented_json(), bytes, role);
  }

  data::ScratchFolder folder_;
};

TEST_F(RowsOfAFile, HoldTheTextsAndTheLabel) {
  const Rows rows = read(R"({"id": 7, "sentence": "出太阳", "label": "1"}
{"label": "2", "id": 8, "other": null, "sentence": "带伞"}
)");
  ASSERT_EQ(rows.rows.size(), 2u);
  EXPECT_THAT(rows.rows[0].values, ElementsAre("出太阳"));
  EXPECT_EQ(rows.rows[0].label, 0u);
  EXPECT_EQ(rows.rows[1].label, 1u);
  EXPECT_EQ(rows.rows[1].id, "8");
  EXPECT_EQ(rows.rows[1].line, 2);
}

TEST_F(RowsOfAFile, IntegersHereAreTextsThere) {
  const Rows integers = read("{\"id\": 7, \"sentence\": \"a\", \"label\": 2}\n");
  const Rows texts = read("{\"id\": \"7\", \"sentence\": \"a\", \"label\": \"2\"}\n");
  EXPECT_EQ(integers.rows[0].id, texts.rows[0].id);
  EXPECT_EQ(integers.rows[0].label, texts.rows[0].label);
  EXPECT_EQ(integers.rows[0].label, 1u);
  EXPECT_THAT(problem("{\"sentence\": \"a\", \"label\": 2.0}\n"),
              HasSubstr("file.json:1: 'label' is 2.0, which is no label"));
  EXPECT_THAT(problem("{\"sentence\": \"a\", \"label\": true}\n"), HasSubstr("is true, which is no label"));
}

TEST_F(RowsOfAFile, ByteOrderMarksAndCarriageReturnsAreNoText) {
  const Rows rows = read(
      "\xEF\xBB\xBF{\"sentence\": \"a\", \"label\": \"1\"}\r\n"
      "\r\n"
      "{\"sentence\": \"\xEF\xBB\xBF"
      "b\xE2\x80\x8B"
      "c\", \"label\": \"2\"}");
  ASSERT_EQ(rows.rows.size(), 2u);
  EXPECT_THAT(rows.rows[0].values, ElementsAre("a"));
  EXPECT_THAT(rows.rows[1].values, ElementsAre("bc"));
  EXPECT_EQ(rows.rows[1].line, 3);
  EXPECT_EQ(rows.deleted_characters, 2);
}

TEST_F(RowsOfAFile, LinesEndAtLineFeedsOnly) {
  // Line and paragraph separators, next line, vertical tab and form feed (escaped, as JSON wants it).
  const std::string text =
      "x\u2028y\u2029z\u0085"
      "w\\u000bv\\u000cu";
  const Rows rows =
      read("{\"sentence\": \"" + text + "\", \"label\": \"1\"}\n{\"sentence\": \"b\", \"label\": \"2\"}\n");
  ASSERT_EQ(rows.rows.size(), 2u);
  EXPECT_THAT(rows.rows[0].values, ElementsAre("x\u2028y\u2029z\u0085w\vv\fu"));
  EXPECT_EQ(rows.rows[1].line, 2);
}

TEST_F(RowsOfAFile, IdsMayRepeatOrBeMissingButNotInATestFile) {
  const std::string twice =
      "{\"id\": 0, \"sentence\": \"a\", \"label\": \"1\"}\n{\"id\": 0, \"sentence\": \"b\", \"label\": "
      "\"1\"}\n";
  EXPECT_EQ(read(twice).rows.size(), 2u);
  const std::string none = "{\"sentence\": \"a\", \"label\": \"1\"}\n";
  EXPECT_EQ(read(none).rows[0].id, "");
  EXPECT_EQ(problem(none, FileRole::kTest),
            "file.json:1: 'id' is missing, but a line of a test file needs an id");
  EXPECT_THAT(problem("{\"id\": null, \"sentence\": \"a\", \"label\": \"1\"}\n"),
              HasSubstr("'id' is null, which is no id"));
  json task = invented_json();
  task["id"] = {"id", "idx"};
  EXPECT_EQ(read(task, "{\"idx\": 5, \"sentence\": \"a\"}\n", FileRole::kTest).rows[0].id, "5");
}

TEST_F(RowsOfAFile, OfATestOrWithoutLabelsHaveNoAnswer) {
  const std::string bytes = "{\"id\": 1, \"sentence\": \"a\", \"label\": \"nobody looks\"}\n";
  EXPECT_EQ(read(bytes, FileRole::kTest).rows[0].label, std::nullopt);
  EXPECT_EQ(read(bytes, FileRole::kUnlabeled).rows[0].label, std::nullopt);
}

TEST_F(RowsOfAFile, FaultsNameFileAndLine) {
  const std::string good = "{\"sentence\": \"a\", \"label\": \"1\"}\n";
  EXPECT_EQ(problem(good + "{\"label\": \"1\"}\n"), "file.json:2: 'sentence' is missing");
  EXPECT_EQ(problem(good + "{\"sentence\": \"a\"}\n"), "file.json:2: 'label' is missing");
  EXPECT_EQ(problem(good + "{\"sentence\": \"a\", \"label\": \"3\"}\n"),
            "file.json:2: the label '3' is none of the 2 of weather; the nearest is '1'");
  EXPECT_EQ(problem(good + "{\"sentence\": [\"a\"], \"label\": \"1\"}\n"),
            "file.json:2: 'sentence' is not a text");
  EXPECT_EQ(problem(good + "{\"sentence\": \"\", \"label\": \"1\"}\n"), "file.json:2: 'sentence' is empty");
  EXPECT_THAT(problem("{\"sentence\": \" \\n\", \"label\": \"1\"}\n"), HasSubstr("'sentence' is empty"));
  EXPECT_EQ(problem(good + "[]\n"), "file.json:2: is no JSON object");
  EXPECT_THAT(problem(good + "{\"sentence\": \"a\", \n"), HasSubstr("file.json:2: not JSON"));
  EXPECT_THAT(problem(good + "{\"sentence\": \"\xE4\xBD\", \"label\": \"1\"}\n"),
              HasSubstr("file.json:2: not JSON"));
  EXPECT_THAT(problem("{\"sentence\": \"a\", \"sentence\": \"b\", \"label\": \"1\"}\n"), HasSubstr("twice"));
}

TEST_F(RowsOfAFile, AreAtLeastOneUnlessUnlabeled) {
  EXPECT_EQ(problem(""), "file.json holds no line; a file of weather has a JSON object a line");
  EXPECT_THAT(problem("\n\n", FileRole::kTest), HasSubstr("holds no line"));
  EXPECT_TRUE(read("", FileRole::kUnlabeled).rows.empty());
}

TEST_F(RowsOfAFile, WithoutAnAgreedLabelAreLeftOutAndCounted) {
  json task = invented_json();
  task["left_out"] = {"-"};
  const Rows rows =
      read(task, "{\"sentence\": \"a\", \"label\": \"-\"}\n{\"sentence\": \"b\", \"label\": \"2\"}\n");
  EXPECT_EQ(rows.rows.size(), 1u);
  EXPECT_EQ(rows.left_out, 1);
  EXPECT_THAT(problem("{\"sentence\": \"a\", \"label\": \"-\"}\n"), HasSubstr("the label '-' is none"));
}

TEST_F(RowsOfAFile, ReachIntoObjectsAndJoinLists) {
  json task = invented_json();
  task["inputs"] = {{"sentence", {{"path", "target.text"}}},
                    {"words", {{"path", "keyword"}, {"join", "，"}}}};
  const std::string good = R"({"target": {"text": "a"}, "keyword": ["x", "y"], "label": "1"})";
  EXPECT_THAT(read(task, good + "\n").rows[0].values, ElementsAre("a", "x，y"));
  EXPECT_EQ(problem(task, R"({"target": "a", "keyword": ["x"], "label": "1"})"),
            "file.json:1: 'target.text' is missing");
  EXPECT_EQ(problem(task, R"({"target": {"text": "a"}, "keyword": "x", "label": "1"})"),
            "file.json:1: 'keyword' is not a list of texts");
  EXPECT_EQ(problem(task, R"({"target": {"text": "a"}, "keyword": [1], "label": "1"})"),
            "file.json:1: 'keyword' is not a text");
}

TEST_F(RowsOfAFile, HaveTheirSpansMarkedByCharacters) {
  json task = invented_json();
  task["inputs"]["sentence"] = {
      {"path", "text"},
      {"marks",
       {{{"text", "spans.b"}, {"at", "spans.b_at"}, {"before", "<"}, {"behind", ">"}},
        {{"text", "spans.a"}, {"at", "spans.a_at"}, {"before", "【"}, {"behind", "】"}}}}};
  const auto line = [](const std::string& a, const std::string& a_at, const std::string& b_at) {
    return R"({"text": "他说他来", "label": "1", "spans": {"a": ")" + a + R"(", "a_at": )" + a_at +
           R"(, "b": "他", "b_at": )" + b_at + "}}\n";
  };
  EXPECT_THAT(read(task, line("说", "1", "2")).rows[0].values, ElementsAre("他【说】<他>来"));
  EXPECT_THAT(read(task, line("来", "3", "0")).rows[0].values, ElementsAre("<他>说他【来】"));
  EXPECT_EQ(problem(task, line("说", "1", "1")), "file.json:1: 'text' has no '他' at its character 1");
  EXPECT_EQ(problem(task, line("说", "4", "0")), "file.json:1: 'text' has no '说' at its character 4");
  EXPECT_EQ(problem(task, line("说", "-1", "0")), "file.json:1: 'text' has no '说' at its character -1");
  EXPECT_EQ(problem(task, line("", "1", "0")), "file.json:1: 'text' has no '' at its character 1");
  EXPECT_EQ(problem(task, line("说他", "1", "2")), "file.json:1: '他' and '说他' overlap in 'text'");
  EXPECT_EQ(problem(task, line("说", "\"1\"", "0")), "file.json:1: 'spans.a_at' is not an integer");
}

TEST_F(RowsOfAFile, BringCandidatesAndAGapOfTheirOwn) {
  const json task = invented_candidates_json();
  const auto line = [](const std::string& content, const std::string& candidates, const std::string& answer) {
    return "{\"content\": \"" + content + "\", \"candidates\": " + candidates + ", \"answer\": " + answer +
           "}\n";
  };
  const std::string three = R"(["晴天", "雨天", "雪"])";
  const Rows rows = read(task, line("今天是#word#。", three, "1"));
  EXPECT_THAT(rows.rows[0].candidates, ElementsAre("晴天", "雨天", "雪"));
  EXPECT_EQ(rows.rows[0].label, 1u);
  EXPECT_EQ(problem(task, line("今天", three, "1")), "file.json:1: 'content' holds #word# 0 times, not once");
  EXPECT_EQ(problem(task, line("#word#和#word#", three, "1")),
            "file.json:1: 'content' holds #word# 2 times, not once");
  EXPECT_EQ(problem(task, line("#word#", three, "3")),
            "file.json:1: 'answer' is 3, but the candidates are 0 to 2");
  EXPECT_EQ(problem(task, line("#word#", three, "-1")),
            "file.json:1: 'answer' is -1, but the candidates are 0 to 2");
  EXPECT_EQ(problem(task, line("#word#", R"(["a", "b"])", "1")),
            "file.json:1: 'candidates' is not a list of 3 texts");
  EXPECT_EQ(problem(task, line("#word#", R"(["a", "b", "a"])", "1")),
            "file.json:1: 'candidates' holds 'a' twice");
  EXPECT_EQ(problem(task, line("#word#", R"(["a", "b", ""])", "1")),
            "file.json:1: 'candidates' holds an empty text");
}

TEST_F(RowsOfAFile, AreOneTextWhateverSpaceIsAroundIt) {
  const Rows rows = read(
      "{\"sentence\": \" \\t\u3000x y\u00a0\\n\", \"label\": \"1\"}\n"
      "{\"sentence\": \"x y\", \"label\": \"1\"}\n{\"sentence\": \"xy\", \"label\": \"1\"}\n");
  EXPECT_EQ(rows.rows[0].text(), rows.rows[1].text());
  EXPECT_NE(rows.rows[1].text(), rows.rows[2].text());
  EXPECT_THAT(rows.rows[0].values, ElementsAre(" \t\u3000x y\u00a0\n"));
}

TEST_F(RowsOfAFile, TextsOfSeveralInputsKeepApart) {
  json task = invented_json();
  task["inputs"] = {{"a", {{"path", "a"}}}, {"b", {{"path", "b"}}}};
  task["patterns"][0]["text"] = "{a}_{b}";
  const Rows rows = read(task, R"({"a": "x", "b": "yz", "label": "1"}
{"a": "xy", "b": "z", "label": "1"})");
  EXPECT_NE(rows.rows[0].text(), rows.rows[1].text());
}

}  // namespace
}  // namespace tandem::tasks
