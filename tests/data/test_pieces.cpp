// SPDX-License-Identifier: Apache-2.0
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "tandem/data/pieces.h"
#include "tandem/data/token_index_writer.h"

namespace tandem::data {
namespace {

// Writes documents of these lengths, tokens counted up from 10 in each, with a final eos (1) if asked.
enum class Ending { kEos, kNone };
TokenIndex index_of(const ScratchFolder& folder, const std::vector<int>& lengths, Ending ending) {
  TokenIndexWriter writer({.bin = folder / "x.bin", .idx = folder / "x.idx"}, TokenType::kU16);
  for (const int length : lengths) {
    std::vector<int32_t> ids(static_cast<size_t>(length));
    std::iota(ids.begin(), ids.end(), 10);
    if (ending == Ending::kEos) ids.push_back(1);
    writer.add_sequence(ids);
    writer.end_document();
  }
  writer.finish();
  return TokenIndex::open(folder / "x");
}

TEST(Pieces, CutDocumentsToFullPiecesAndARest) {
  const ScratchFolder folder;
  for (const bool known : {true, false}) {
    const Pieces pieces(index_of(folder, {10, 3, 0, 1, 21, 8}, Ending::kEos),
                        {.raw_length = 10, .eos = 1, .ends_with_eos = known});
    // 10 | 3 | - | - | 10 + 10, a rest of one dropped | 8
    ASSERT_EQ(pieces.size(), 5u);
    EXPECT_EQ(pieces[0].tokens, 10u);
    EXPECT_EQ(pieces.tokens(pieces[1]), (std::vector<int32_t>{10, 11, 12}));
    EXPECT_EQ(pieces[3].document, 4u);
    EXPECT_EQ(pieces[3].offset, 10u);
    EXPECT_EQ(pieces.tokens(pieces[3]).front(), 20);
    EXPECT_EQ(pieces.tokens(pieces[4]).back(), 17);
  }
}

TEST(Pieces, DocumentsWithoutEosKeepTheirLastToken) {
  const ScratchFolder folder;
  const Pieces pieces(index_of(folder, {12, 3}, Ending::kNone), {.raw_length = 10, .eos = 1});
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces.tokens(pieces[2]), (std::vector<int32_t>{10, 11, 12}));
}

TEST(Pieces, NumbersRunInDocumentOrderOverManyDocuments) {
  const ScratchFolder folder;
  std::vector<int> lengths;
  for (int i = 0; i < 1000; ++i) lengths.push_back(i * 37 % 26);
  const Pieces pieces(index_of(folder, lengths, Ending::kEos),
                      {.raw_length = 5, .eos = 1, .ends_with_eos = true});
  uint64_t number = 0;
  for (uint64_t document = 0; document < lengths.size(); ++document) {
    const auto tokens = static_cast<uint64_t>(lengths[document]);
    for (uint64_t offset = 0; tokens - offset >= 2 && offset < tokens; offset += 5, ++number) {
      const Piece piece = pieces[number];
      ASSERT_EQ(piece.document, document);
      ASSERT_EQ(piece.offset, offset);
      ASSERT_EQ(piece.tokens, std::min<uint64_t>(5, tokens - offset));
    }
  }
  EXPECT_EQ(pieces.size(), number);
}

}  // namespace
}  // namespace tandem::data
