// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/tasks/pattern.h"
#include "tests/data/scratch_folder.h"

namespace tandem::tasks {
namespace {

using data::message_of;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<Input> kInputs{{.name = "first", .path = "a", .cut = Cut::kFromEnd},
                                 {.name = "passage", .path = "c", .gap = "#x#", .cut = Cut::kFarFromGap},
                                 {.name = "second", .path = "b", .cut = Cut::kFromStart}};

Part text(std::string words, Cut cut = Cut::kNever) { return {.text = std::move(words), .cut = cut}; }
const Part kGap{.kind = Part::Kind::kGap, .text = {}};

std::vector<Part> parts_of(const std::string& pattern, const std::vector<std::string>& values) {
  return Pattern(pattern, kInputs, "t.json").render(values);
}

std::string problem_of(const std::string& pattern) {
  return message_of<InputError>([&] { Pattern(pattern, kInputs, "t.json: patterns[0]"); });
}

TEST(Pattern, BecomesTextsAndGaps) {
  EXPECT_THAT(parts_of("下面报导一则_新闻。{first}", {"今天晴", "", ""}),
              ElementsAre(text("下面报导一则"), kGap, text("新闻。"), text("今天晴", Cut::kFromEnd)));
  EXPECT_THAT(
      parts_of("{first}？_,{second}", {"天晴", "", "没有雨"}),
      ElementsAre(text("天晴", Cut::kFromEnd), text("？"), kGap, text(","), text("没有雨", Cut::kFromStart)));
}

TEST(Pattern, HasAsManyGapsAsItIsWrittenWith) {
  const Pattern two("{first}_和_", kInputs, "t.json");
  EXPECT_EQ(two.num_gaps(), 2u);
  const std::vector<Part> parts = two.render({"天", "", ""});
  EXPECT_EQ(show(parts), "天_和_");
  EXPECT_EQ(fill(parts, {"晴", "雨"}), "天晴和雨");
}

TEST(Pattern, APassagesGapIsKeptWhateverIsCut) {
  EXPECT_THAT(parts_of("{passage}。", {"", "前面#x#后面", ""}),
              ElementsAre(text("前面", Cut::kFromStart), kGap, text("后面", Cut::kFromEnd), text("。")));
  EXPECT_THAT(parts_of("读{passage}", {"", "#x#后", ""}),
              ElementsAre(text("读"), kGap, text("后", Cut::kFromEnd)));
}

TEST(Pattern, WhatAValueHoldsIsNeverRead) {
  const std::vector<Part> parts = parts_of("_。{first}", {"{second} {} _ }} <mask> %s", "", "x"});
  EXPECT_THAT(parts, ElementsAre(kGap, text("。"), text("{second} {} _ }} <mask> %s", Cut::kFromEnd)));
}

TEST(Pattern, DoubledMarksAreCharacters) {
  EXPECT_THAT(parts_of("__{{a}}__ _ {first}", {"天", "", ""}),
              ElementsAre(text("_{a}_ "), kGap, text(" "), text("天", Cut::kFromEnd)));
}

TEST(Pattern, FaultsAreToldWithThePattern) {
  EXPECT_EQ(problem_of("{first}好"),
            "t.json: patterns[0]: the pattern \"{first}好\" has no gap; write _ where the answer belongs");
  EXPECT_THAT(problem_of("只有_"), HasSubstr("has no input"));
  EXPECT_THAT(problem_of("{frist}_"), HasSubstr("{frist}, which is no input; the nearest is {first}"));
  EXPECT_THAT(problem_of("{}_"), HasSubstr("which is no input"));
  EXPECT_THAT(problem_of("{first_"), HasSubstr("a { without its }"));
  EXPECT_THAT(problem_of("first}_"), HasSubstr("a } without its {"));
  EXPECT_THAT(problem_of("_{passage}{first}"), HasSubstr("two gaps that can touch"));
}

}  // namespace
}  // namespace tandem::tasks
