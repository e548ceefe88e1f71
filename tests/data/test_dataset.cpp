// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "invented_text.h"
#include "tandem/base/error.h"
#include "tandem/data/dataset.h"
#include "tandem/data/encode.h"
#include "tandem/data/token_index.h"
#include "tandem/data/token_index_writer.h"
#include "tandem/data/tokenizer.h"
#include "tandem/data/tokenizer_training.h"

namespace tandem::data {
namespace {

using testing::HasSubstr;

// Two encoded corpora, a of 150 and b of 40 documents.
class DatasetTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new ScratchFolder;
    const std::string text = invented_text(190);
    size_t cut = 0;
    for (int i = 0; i < 150; ++i) cut = text.find('\n', cut) + 1;
    const std::string a = folder_->write("a.txt", text.substr(0, cut)),
                      b = folder_->write("b.txt", text.substr(cut));
    folder_->write("sp.model", train_tokenizer({.inputs = {a, b}, .vocabulary = 420}).model);
    encode({.tokenizer = *folder_ / "sp.model", .inputs = {a}, .prefix = *folder_ / "a"});
    encode({.tokenizer = *folder_ / "sp.model", .inputs = {b}, .prefix = *folder_ / "b"});
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string at(std::string_view name) { return *folder_ / name; }
  static DatasetOptions options(Sources sources) {
    DatasetOptions result{.sources = std::move(sources), .vocabulary = 420, .seed = 3};
    result.data.source_length = 24;
    result.data.target_length = 12;
    return result;
  }
  static DatasetOptions options_of(std::string_view name) { return options({{.path = at(name)}}); }
  static std::string refused(const DatasetOptions& bad) {
    return message_of<InputError>([&] { Dataset::open(bad); });
  }
  // Writes an index without PREFIX.json, as other programs do.
  static void write_foreign(std::string_view name, const std::vector<std::vector<int32_t>>& documents) {
    TokenIndexWriter writer({.bin = at(std::string(name) + ".bin"), .idx = at(std::string(name) + ".idx")},
                            TokenType::kI32);
    for (const auto& document : documents) {
      writer.add_sequence(document);
      writer.end_document();
    }
    writer.finish();
  }

  static ScratchFolder* folder_;
};
ScratchFolder* DatasetTest::folder_ = nullptr;

TEST_F(DatasetTest, RowsAreAFunctionOfSeedAndNumber) {
  const Dataset dataset = Dataset::open(options_of("a")), again = Dataset::open(options_of("a"));
  DatasetOptions other = options_of("a");
  other.seed = 4;
  const Dataset different = Dataset::open(other);
  int equal = 0;
  for (uint64_t row = 500; row-- > 0;) {
    EXPECT_EQ(dataset.row(row), again.row(row));
    EXPECT_EQ(dataset.row(row).id, row);
    equal += dataset.row(row) == different.row(row);
  }
  EXPECT_LT(equal, 25);
}

TEST_F(DatasetTest, RowsFitTheirBudgetsAndFullPiecesFillTheSource) {
  for (const ObjectiveKind kind : {ObjectiveKind::kSpan, ObjectiveKind::kMlm}) {
    DatasetOptions opened = options_of("a");
    opened.objective.kind = kind;
    const Dataset dataset = Dataset::open(opened);
    int full = 0;
    for (uint64_t row = 0; row < dataset.size(); ++row) {
      const Sample sample = dataset.row(row);
      EXPECT_LE(sample.source.size(), 24u);
      EXPECT_LE(sample.target.size(), 12u);
      EXPECT_EQ(sample.target.front(), dataset.ids().first_sentinel);
      full += sample.source.size() == 24;
    }
    EXPECT_GT(full, 20);
  }
}

// Returns the raw tokens of a sample, sorted: masks differ from epoch to epoch, the tokens do not.
std::multiset<int32_t> raw_tokens(const Sample& sample, const SpecialIds& ids) {
  std::multiset<int32_t> tokens;
  for (const auto& side : {sample.source, sample.target})
    for (const int32_t id : side)
      if (id != ids.eos && !ids.is_sentinel(id)) tokens.insert(id);
  return tokens;
}

TEST_F(DatasetTest, EachEpochHoldsEachPieceOnceUnderNewMasks) {
  const Dataset dataset = Dataset::open(options_of("a"));
  std::multiset<std::multiset<int32_t>> fixed, first, second;
  std::multiset<std::vector<int32_t>> first_sources, second_sources;
  for (uint64_t i = 0; i < dataset.size(); ++i) {
    fixed.insert(raw_tokens(dataset.fixed(i), dataset.ids()));
    first.insert(raw_tokens(dataset.row(i), dataset.ids()));
    second.insert(raw_tokens(dataset.row(dataset.size() + i), dataset.ids()));
    first_sources.insert(dataset.row(i).source);
    second_sources.insert(dataset.row(dataset.size() + i).source);
  }
  EXPECT_EQ(first, fixed);
  EXPECT_EQ(second, fixed);
  EXPECT_NE(first_sources, second_sources);
}

TEST_F(DatasetTest, FixedSamplesGoThroughAllSourcesInOrder) {
  const Dataset a = Dataset::open(options_of("a")), b = Dataset::open(options_of("b"));
  const Dataset both =
      Dataset::open(options({{.path = at("a"), .weight = 1}, {.path = at("b"), .weight = 9}}));
  ASSERT_EQ(both.size(), a.size() + b.size());
  EXPECT_EQ(both.fixed(0), a.fixed(0));
  EXPECT_EQ(raw_tokens(both.fixed(a.size()), a.ids()), raw_tokens(b.fixed(0), a.ids()));
  EXPECT_EQ(raw_tokens(both.fixed(both.size() - 1), a.ids()), raw_tokens(b.fixed(b.size() - 1), a.ids()));
  EXPECT_EQ(both.fixed(both.size() - 1).id, both.size() - 1);
  EXPECT_EQ(both.fixed(5), both.fixed(5));
  EXPECT_THROW(both.fixed(both.size()), BugError);
}

TEST_F(DatasetTest, SourcesMixByWeight) {
  const Dataset mixed =
      Dataset::open(options({{.path = at("a"), .weight = 1}, {.path = at("b"), .weight = 3}}));
  const Dataset b = Dataset::open(options_of("b"));
  std::set<std::multiset<int32_t>> of_b;
  for (uint64_t i = 0; i < b.size(); ++i) of_b.insert(raw_tokens(b.fixed(i), b.ids()));
  int from_b = 0;
  for (uint64_t row = 0; row < 400; ++row) from_b += of_b.contains(raw_tokens(mixed.row(row), mixed.ids()));
  EXPECT_GE(from_b, 300);
  EXPECT_LT(from_b, 330);  // a few short pieces occur in both
}

TEST_F(DatasetTest, TokenizerIsFoundBesideTheData) {
  const Dataset dataset = Dataset::open(options_of("a"));
  EXPECT_EQ(dataset.tokenizer_path(), at("a.tokenizer.model"));
  EXPECT_EQ(dataset.tokenizer_hash(), Tokenizer::load(at("sp.model")).hash());
  EXPECT_EQ(dataset.ids(), Tokenizer::load(at("sp.model")).ids());
}

TEST_F(DatasetTest, PairsComeAsGiven) {
  folder_->write("pairs.jsonl",
                 "{\"source\": [5, 6], \"target\": [7, 1]}\n{\"source\": \"今天\", \"target\": []}\n");
  DatasetOptions pairs = options_of("pairs.jsonl");
  pairs.objective.kind = ObjectiveKind::kSeq2seq;
  EXPECT_THAT(refused(pairs), HasSubstr("needs data.tokenizer"));
  pairs.data.tokenizer = at("sp.model");
  const Dataset dataset = Dataset::open(pairs);
  EXPECT_EQ(dataset.size(), 2u);
  EXPECT_EQ(dataset.fixed(0), (Sample{.source = {5, 6}, .target = {7, 1}, .id = 0}));
  EXPECT_EQ(dataset.fixed(1).source.back(), 1);
  EXPECT_EQ(dataset.row(0).source.size() + dataset.row(1).source.size(),
            dataset.fixed(0).source.size() + dataset.fixed(1).source.size());
  EXPECT_EQ(dataset.tokenizer_path(), at("sp.model"));
}

TEST_F(DatasetTest, PairsOfIdsNeedNoTokenizer) {
  folder_->write("ids.jsonl", "{\"source\": [5, 6], \"target\": [7, 1]}\n");
  DatasetOptions pairs = options_of("ids.jsonl");
  pairs.objective.kind = ObjectiveKind::kSeq2seq;
  const Dataset dataset = Dataset::open(pairs);
  EXPECT_EQ(dataset.row(17), (Sample{.source = {5, 6}, .target = {7, 1}, .id = 17}));
  EXPECT_FALSE(dataset.tokenizer_path().has_value());
}

TEST_F(DatasetTest, PairsStandBesideMaskedData) {
  folder_->write("task.jsonl", "{\"source\": \"今天<mask>。\", \"target\": \"<mask>学生\"}\n");
  const Tokenizer tokenizer = Tokenizer::load(at("sp.model"));
  std::vector<int32_t> source = tokenizer.encode_with_masks("今天<mask>。"),
                       target = tokenizer.encode_with_masks("<mask>学生");
  source.push_back(1);
  target.push_back(1);
  const Dataset a = Dataset::open(options_of("a"));
  for (const ObjectiveKind kind : {ObjectiveKind::kSpan, ObjectiveKind::kMlm}) {
    DatasetOptions mixed =
        options({{.path = at("task.jsonl")}, {.path = at("a"), .weight = 3}, {.path = at("b")}});
    mixed.objective.kind = kind;
    const Dataset dataset = Dataset::open(mixed);
    EXPECT_EQ(dataset.sizes()[0], 1);
    EXPECT_EQ(dataset.fixed(0), (Sample{.source = source, .target = target, .id = 0}));
    EXPECT_EQ(raw_tokens(dataset.fixed(1), a.ids()), raw_tokens(a.fixed(0), a.ids()));
    EXPECT_EQ(dataset.tokenizer_path(), at("a.tokenizer.model"));
    EXPECT_EQ(dataset.ids(), a.ids());
    int pairs = 0;
    for (uint64_t row = 0; row < 100; ++row) pairs += dataset.row(row).target == target;
    EXPECT_EQ(pairs, 20);
  }
}

TEST_F(DatasetTest, HeldOutPairsFollowTheDataBesideThem) {
  folder_->write("held_out.jsonl", "{\"source\": \"今天\", \"target\": [419, 1]}\n");
  DatasetOptions alone = options_of("held_out.jsonl");
  EXPECT_THAT(refused(alone), HasSubstr("held_out.jsonl:1 holds text, which needs data.tokenizer"));
  const Dataset beside = Dataset::open(options_of("a"));
  alone.beside = beside.tokenization();
  const Dataset dataset = Dataset::open(alone);
  EXPECT_EQ(dataset.ids(), beside.ids());
  EXPECT_EQ(dataset.tokenizer_hash(), beside.tokenizer_hash());
  EXPECT_EQ(dataset.fixed(0).target, (std::vector<int32_t>{419, 1}));
}

TEST_F(DatasetTest, PairsBesideForeignDataFollowItsIds) {
  write_foreign("beside", {{5, 6, 7, 8, 9, 10, 11, 12, 1}});
  folder_->write("sentinel.jsonl", "{\"source\": \"<mask>今天<mask>\", \"target\": [5, 1]}\n");
  DatasetOptions mixed = options({{.path = at("sentinel.jsonl")}, {.path = at("beside")}});
  mixed.data.eos = 1;
  mixed.data.first_sentinel = 319;
  mixed.data.sentinel_count = 20;
  EXPECT_THAT(refused(mixed), HasSubstr("sentinel.jsonl:1 holds text, which needs data.tokenizer"));
  mixed.data.tokenizer = at("sp.model");
  const std::vector<int32_t> source = Dataset::open(mixed).fixed(0).source;
  EXPECT_EQ(source.front(), 319);
  EXPECT_EQ(source[source.size() - 2], 318);
}

TEST_F(DatasetTest, CountsTheRowsBeforeARow) {
  const Dataset mixed =
      Dataset::open(options({{.path = at("a"), .weight = 1}, {.path = at("b"), .weight = 3}}));
  EXPECT_EQ(mixed.rows_before(0), (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(mixed.rows_before(400), (std::vector<int64_t>{100, 300}));
  EXPECT_EQ(mixed.rows_before(4'000'000'000), (std::vector<int64_t>{1'000'000'000, 3'000'000'000}));
}

// The draws of three epochs' rows of one element are the same whoever asks for them and in whatever order.
TEST_F(DatasetTest, OneOfSeveralTargetsIsDrawnByEpochAndElement) {
  std::string lines;
  for (int line = 0; line < 20; ++line)
    lines +=
        fmt::format(
            R"({{"source": [{}], "targets": [{{"target": [7], "weight": 1}}, {{"target": [8], "weight": 3}}]}})",
            20 + line) +
        "\n";
  folder_->write("soft.jsonl", lines);
  DatasetOptions soft = options_of("soft.jsonl");
  const Dataset dataset = Dataset::open(soft), again = Dataset::open(soft);
  constexpr uint64_t kEpochs = 500;
  std::map<int32_t, int> of_first;  // by source of the first epoch
  int eights = 0, changed = 0;
  for (uint64_t row = kEpochs * 20; row-- > 0;) {
    const Sample sample = dataset.row(row);
    EXPECT_EQ(sample, again.row(row));
    eights += sample.target == std::vector<int32_t>{8};
  }
  for (uint64_t row = 0; row < 20; ++row) of_first[dataset.row(row).source[0]] = dataset.row(row).target[0];
  for (uint64_t row = 20; row < 40; ++row)
    changed += of_first.at(dataset.row(row).source[0]) != dataset.row(row).target[0];
  EXPECT_GT(changed, 0);
  const double draws = kEpochs * 20, off = eights - 0.75 * draws;
  EXPECT_LT(off * off / (0.75 * 0.25 * draws), 10.83);  // chi square, one degree of freedom, 999 of 1000
}

TEST_F(DatasetTest, OneOfSeveralTargetsIsFixedForHeldOutData) {
  std::string lines;
  for (int line = 0; line < 400; ++line)
    lines += R"({"source": [5], "targets": [{"target": [7], "weight": 1}, {"target": [8], "weight": 1}]})"
             "\n";
  folder_->write("soft_held_out.jsonl", lines);
  const Dataset dataset = Dataset::open(options_of("soft_held_out.jsonl")),
                again = Dataset::open(options_of("soft_held_out.jsonl"));
  int sevens = 0;
  for (uint64_t index = 0; index < 400; ++index) {
    EXPECT_EQ(dataset.fixed(index), again.fixed(index));
    sevens += dataset.fixed(index).target == std::vector<int32_t>{7};
  }
  EXPECT_NEAR(sevens, 200, 50);
}

TEST_F(DatasetTest, ForeignDataTakesItsIdsFromTheConfiguration) {
  write_foreign("foreign", {{5, 6, 7, 8, 9, 10, 11, 12}, {20, 21, 22, 1}});
  DatasetOptions foreign = options_of("foreign");
  EXPECT_THAT(refused(foreign), HasSubstr("set data.tokenizer, or data.eos"));
  foreign.data.eos = 1;
  foreign.data.first_sentinel = 319;
  foreign.data.sentinel_count = 20;
  const Dataset dataset = Dataset::open(foreign);
  EXPECT_EQ(dataset.fixed(0).target.front(), 319);
  EXPECT_EQ(raw_tokens(dataset.fixed(1), dataset.ids()), (std::multiset<int32_t>{20, 21, 22}));
  foreign.data.eos.reset();
  foreign.data.first_sentinel.reset();
  foreign.data.sentinel_count.reset();
  foreign.data.tokenizer = at("sp.model");
  EXPECT_EQ(Dataset::open(foreign).ids().first_sentinel, 419);
}

TEST_F(DatasetTest, IdsOutsideTheVocabularyAreRefusedBeforeAnythingStarts) {
  write_foreign("outside", {{5, 6, 1}, {7, 420, 1}});
  DatasetOptions outside = options_of("outside");
  outside.data.tokenizer = at("sp.model");
  EXPECT_THAT(refused(outside),
              HasSubstr("outside.bin: document 1 holds token id 420, outside the vocabulary of 420"));
  DatasetOptions small = options_of("a");
  small.vocabulary = 419;
  EXPECT_THAT(refused(small), HasSubstr("set model.vocabulary to 420"));
  DatasetOptions large = options_of("a");
  large.vocabulary = 512;
  EXPECT_EQ(Dataset::open(large).ids().first_sentinel, 419);
  DatasetOptions pad = options_of("a");
  pad.data.pad = 420;
  EXPECT_THAT(refused(pad), HasSubstr("data.pad is 420"));
  DatasetOptions sentinels = options_of("a");
  sentinels.data.sentinel_count = 421;
  EXPECT_THAT(refused(sentinels), HasSubstr("descend from"));
}

TEST_F(DatasetTest, FilesThatDoNotBelongTogetherAreRefused) {
  for (const char* ending : {".bin", ".idx", ".tokenizer.model"})
    std::filesystem::copy_file(at("a") + ending, at("c") + ending,
                               std::filesystem::copy_options::overwrite_existing);
  std::filesystem::copy_file(at("b.json"), at("c.json"), std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(refused(options_of("c")), HasSubstr("do not belong together"));
  folder_->write("c.json", "{\"format\": 2}");
  EXPECT_THAT(refused(options_of("c")), HasSubstr("format 2"));
  folder_->write("c.json", "{");
  EXPECT_THAT(refused(options_of("c")), HasSubstr("c.json: not JSON"));
  folder_->write("other.model", train_tokenizer({.inputs = {at("b.txt")}, .vocabulary = 400}).model);
  DatasetOptions other = options_of("a");
  other.data.tokenizer = at("other.model");
  EXPECT_THAT(refused(other), HasSubstr("another tokenizer"));
  encode({.tokenizer = at("other.model"), .inputs = {at("b.txt")}, .prefix = at("d")});
  folder_->write("e.jsonl", "{\"source\": [5], \"target\": [6]}\n");
  EXPECT_THAT(refused(options({{.path = at("e.jsonl")}, {.path = at("a")}, {.path = at("d")}})),
              HasSubstr(at("a") + " and " + at("d") + " were encoded with different tokenizers"));
}

TEST_F(DatasetTest, WhatCannotBeMaskedIsRefused) {
  DatasetOptions tight = options_of("a");
  tight.data.target_length = 3;
  EXPECT_THAT(refused(tight), HasSubstr("data.target_length is 3"));
  DatasetOptions few = options_of("a");
  few.data.sentinel_count = 0;
  EXPECT_THAT(refused(few), HasSubstr("--sentinels"));
  write_foreign("tiny", {{5, 1}, {1}});
  DatasetOptions tiny = options_of("tiny");
  tiny.data.tokenizer = at("sp.model");
  EXPECT_THAT(refused(tiny), HasSubstr("no document of two tokens"));
  EXPECT_THAT(refused(options({})), HasSubstr("names no data"));
}

}  // namespace
}  // namespace tandem::data
