// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/character_coverage.h"

#include <algorithm>
#include <utility>

#include <unicode/utf8.h>

namespace tandem::data {
namespace {

constexpr char32_t kSpaceMark = 0x2581;  // what SentencePiece writes a space as

// Characters that SentencePiece's trainer keeps for itself: they never get a piece.
bool is_reserved(char32_t character) {
  constexpr char32_t kUnknownMark = 0x2585;
  return character == 0 || character == '\t' || character == kUnknownMark;
}

template <class Use>
void for_each_character(std::string_view text, Use&& use) {
  const char* data = text.data();
  const auto length = static_cast<int64_t>(text.size());
  for (int64_t i = 0; i < length;) {
    const int64_t begin = i;
    UChar32 character = 0;
    U8_NEXT_OR_FFFD(data, i, length, character);
    const char32_t folded = character == ' ' ? kSpaceMark : static_cast<char32_t>(character);
    use(folded, text.substr(static_cast<size_t>(begin), static_cast<size_t>(i - begin)));
  }
}

}  // namespace

void CharacterCounts::add(std::string_view text) {
  for_each_character(text, [this](char32_t character, std::string_view) {
    ++counts_[character];
    ++total_;
  });
}

CharacterCounts::Covered CharacterCounts::cover(double share, int64_t limit) const {
  std::vector<std::pair<char32_t, uint64_t>> sorted(counts_.begin(), counts_.end());
  std::erase_if(sorted, [](const auto& entry) { return is_reserved(entry.first); });
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  Covered covered;
  uint64_t count = 0;
  const auto ratio = [&] { return static_cast<double>(count) / static_cast<double>(total_); };
  for (const auto& [character, occurrences] : sorted) {
    if (static_cast<int64_t>(covered.characters.size()) >= limit || ratio() >= share) break;
    covered.characters.insert(character);
    count += occurrences;
  }
  covered.share = total_ == 0 ? 0 : ratio();
  return covered;
}

std::vector<std::string> covered_parts(std::string_view text, const std::unordered_set<char32_t>& covered,
                                       size_t longest_bytes) {
  std::vector<std::string> parts;
  std::string part;
  const auto end_part = [&] {
    if (!part.empty()) parts.push_back(std::exchange(part, {}));
  };
  for_each_character(text, [&](char32_t character, std::string_view bytes) {
    const bool kept = covered.contains(character);
    if (!kept || part.size() + bytes.size() > longest_bytes) end_part();
    if (kept) part += bytes;
  });
  end_part();
  return parts;
}

}  // namespace tandem::data
