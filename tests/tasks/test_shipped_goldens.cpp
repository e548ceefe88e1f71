// SPDX-License-Identifier: Apache-2.0
// The tasks that come with tandem, as token ids. shipped_goldens.json has an invented line of each as its
// training file would, and what must come of it, written by hand from the published formats: the values of
// the inputs, the label's number, and of each pattern the parts, a number for the gap, and the words of all
// labels in the labels' order.
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tandem/data/tokenizer.h"
#include "tandem/data/tokenizer_training.h"
#include "tandem/tasks/phrasing.h"
#include "tandem/tasks/rows.h"
#include "tandem/tasks/task_parser.h"
#include "tests/data/scratch_folder.h"

namespace tandem::tasks {
namespace {

using nlohmann::ordered_json;
using testing::UnorderedElementsAreArray;

const std::filesystem::path kSource = TANDEM_SOURCE_DIR, kFolder = kSource / "configs/tasks";
constexpr data::SampleLengths kRoomy{.source = 400, .target = 40};
constexpr int64_t kVocabulary = 2000;

const ordered_json& goldens() {
  static const ordered_json goldens =
      ordered_json::parse(std::ifstream(kSource / "tests/tasks/shipped_goldens.json"));
  return goldens;
}

std::vector<std::string> names_in(const ordered_json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

// The words by label: a pattern's own, or a list that several patterns share.
const ordered_json& words_of(const ordered_json& pattern) {
  const ordered_json& words = pattern.at("words");
  return words.is_string() ? goldens().at("words").at(words.get_ref<const std::string&>()) : words;
}

std::vector<std::string> labels_of(const ordered_json& golden, const ordered_json& pattern) {
  return golden.contains("candidates") ? std::vector<std::string>() : names_in(words_of(pattern));
}

// What may fill the gap, in the order of the answers.
std::vector<std::string> fillings_of(const ordered_json& golden, const ordered_json& pattern) {
  if (golden.contains("candidates")) return golden.at("candidates");
  std::vector<std::string> fillings;
  for (const auto& [label, word] : words_of(pattern).items()) fillings.push_back(word);
  return fillings;
}

// The parts with the gap filled.
std::vector<std::string> filled(const ordered_json& source, const std::string& filling) {
  std::vector<std::string> parts;
  for (const ordered_json& part : source)
    parts.push_back(part.is_number() ? filling : part.get<std::string>());
  return parts;
}

// Each pattern's sentence with each answer, in parts.
std::vector<std::vector<std::string>> all_filled() {
  std::vector<std::vector<std::string>> sentences;
  for (const ordered_json& golden : goldens().at("tasks"))
    for (const ordered_json& pattern : golden.at("patterns"))
      for (const std::string& filling : fillings_of(golden, pattern))
        sentences.push_back(filled(pattern.at("source"), filling));
  return sentences;
}

std::string joined(const std::vector<std::string>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::string());
}

// Trained on the sentences with their gaps filled: its pieces reach over the ends of words and parts wherever
// more than a part is tokenised at once.
const data::Tokenizer& tokenizer() {
  static const data::Tokenizer tokenizer = [] {
    const data::ScratchFolder folder;
    std::string sentences;
    for (const std::vector<std::string>& parts : all_filled()) sentences += joined(parts) + "\n";
    return data::Tokenizer::from_model(
        data::train_tokenizer(
            {.inputs = {folder.write("sentences.txt", sentences)}, .vocabulary = kVocabulary, .sentinels = 4})
            .model,
        "goldens");
  }();
  return tokenizer;
}

// The ids of texts that are tokenised one by one, a number standing for that sentinel, and eos.
Ids ids_of(const ordered_json& parts) {
  Ids ids;
  for (const ordered_json& part : parts) {
    if (part.is_number())
      ids.push_back(tokenizer().ids().sentinel(part.get<int64_t>()));
    else
      for (const int32_t id : tokenizer().encode(part.get_ref<const std::string&>())) ids.push_back(id);
  }
  ids.push_back(tokenizer().ids().eos);
  return ids;
}

class ShippedGolden : public testing::TestWithParam<std::string> {
 protected:
  Row read_line() const {
    const data::ScratchFolder folder;
    const std::string path = folder.write("train.json", golden_.at("line").dump() + "\n");
    return read_rows(task_, FileRole::kTrain, path).rows.at(0);
  }
  Ids source_by(const std::string& pattern) const {
    return phrasing_of(task_, pattern, tokenizer(), kRoomy).source(row_, "train.json");
  }
  std::vector<Ids> answers_by(const std::string& pattern) const {
    return *phrasing_of(task_, pattern, tokenizer(), kRoomy).answers(row_, "train.json");
  }

  const ordered_json& golden_ = goldens().at("tasks").at(GetParam());
  const Task task_ = read_task(kFolder / (GetParam() + ".json"));
  const Row row_ = read_line();
};

TEST_P(ShippedGolden, LineHasTheseValuesAndThisAnswer) {
  ordered_json values;
  for (size_t i = 0; i < task_.inputs.size(); ++i) values[task_.inputs[i].name] = row_.values.at(i);
  EXPECT_EQ(values, golden_.at("values"));
  EXPECT_EQ(row_.label, golden_.at("gold").get<size_t>());
  EXPECT_EQ(row_.candidates, golden_.value("candidates", std::vector<std::string>()));
}

TEST_P(ShippedGolden, SourcesAreThesePartsTokenisedAlone) {
  std::vector<std::string> names;
  for (const ordered_json& pattern : golden_.at("patterns")) {
    names.push_back(pattern.at("name"));
    EXPECT_EQ(source_by(names.back()), ids_of(pattern.at("source"))) << pattern.at("source");
  }
  std::vector<std::string> shipped;
  for (const TaskPattern& pattern : task_.patterns) shipped.push_back(pattern.name);
  EXPECT_EQ(shipped, names);
}

TEST_P(ShippedGolden, AnswersAreASentinelTheWordTokenisedAloneAndEos) {
  for (const ordered_json& pattern : golden_.at("patterns")) {
    EXPECT_EQ(task_.labels, labels_of(golden_, pattern));
    const std::vector<std::string> fillings = fillings_of(golden_, pattern);
    const std::vector<Ids> answers = answers_by(pattern.at("name"));
    ASSERT_EQ(answers.size(), fillings.size());
    for (size_t i = 0; i < answers.size(); ++i)
      EXPECT_EQ(answers[i], ids_of({0, fillings[i]}))
          << pattern.at("name") << ", answer " << i << ": " << fillings[i];
    EXPECT_EQ(std::set<Ids>(answers.begin(), answers.end()).size(), answers.size());
  }
}

TEST_P(ShippedGolden, PlainlyItIsTheTextsAndTheLabelsName) {
  ordered_json parts;
  for (const ordered_json& value : golden_.at("values")) {
    if (!parts.empty()) parts.push_back(" ");
    parts.push_back(value);
  }
  EXPECT_EQ(source_by(Phrasing::kPlain), ids_of(parts));
  std::vector<Ids> names;
  for (const std::string& name : task_.candidates ? row_.candidates : task_.labels)
    names.push_back(ids_of(ordered_json::array({name})));
  EXPECT_EQ(answers_by(Phrasing::kPlain), names);
}

INSTANTIATE_TEST_SUITE_P(All, ShippedGolden, testing::ValuesIn(names_in(goldens().at("tasks"))),
                         [](const auto& instance) { return instance.param; });

TEST(ShippedGoldens, AreThereForEveryTask) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) names.push_back(entry.path().stem());
  EXPECT_THAT(names_in(goldens().at("tasks")), UnorderedElementsAreArray(names));
}

// Otherwise no test here would notice parts that are tokenised together.
TEST(ShippedGoldens, MostSentencesAreOtherTokensIfTokenisedAtOnce) {
  size_t others = 0;
  for (const std::vector<std::string>& parts : all_filled())
    others += ids_of(ordered_json::array({joined(parts)})) == ids_of(parts) ? 0 : 1;
  EXPECT_GT(2 * others, all_filled().size());
}

TEST(ShippedGoldens, SentinelsAreTheHighestIds) {
  EXPECT_EQ(tokenizer().ids().sentinel(0), kVocabulary - 1);
  EXPECT_EQ(tokenizer().ids().eos, 1);
}

}  // namespace
}  // namespace tandem::tasks
