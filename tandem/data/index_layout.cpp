// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/index_layout.h"

#include <cstring>
#include <string_view>

#include "tandem/base/error.h"

namespace tandem::data {
namespace {

constexpr uint64_t kFairseqHeaderBytes = 26;
constexpr const char* kEncodeAgain = "make it again with `tandem data encode`";

void check_magic(const MappedFile& idx) {
  constexpr std::string_view kOldFairseq = "TNTIDX";
  if (idx.size() == 0) throw InputError("{} is empty; {}", idx.path(), kEncodeAgain);
  if (idx.size() >= kOldFairseq.size() &&
      std::memcmp(idx.data(), kOldFairseq.data(), kOldFairseq.size()) == 0)
    throw InputError("{} is fairseq's older index (TNTIDX), not Megatron's; encode the text with tandem",
                     idx.path());
  if (idx.size() < kIndexMagic.size() || std::memcmp(idx.data(), kIndexMagic.data(), kIndexMagic.size()) != 0)
    throw InputError(
        "{} is no Megatron index: its first bytes are not MMIDIDX; give the PREFIX of a PREFIX.idx",
        idx.path());
}

TokenType check_type(const MappedFile& idx) {
  const auto code = idx.load<uint8_t>(17);
  if (code == 9 || code == 10)
    throw InputError("{} has token type code {}, which only fairseq writes; encode the text with tandem",
                     idx.path(), code);
  if (code == 6 || code == 7) throw InputError("{} holds floating-point numbers, not tokens", idx.path());
  if (code < 1 || code > 8)
    throw InputError("{} has unknown token type code {}; {}", idx.path(), code, kEncodeAgain);
  return static_cast<TokenType>(code);
}

IndexLayout check_header(const MappedFile& idx) {
  check_magic(idx);
  if (idx.size() < kFairseqHeaderBytes)
    throw InputError("{} is truncated: {} bytes; {}", idx.path(), idx.size(), kEncodeAgain);
  if (const auto version = idx.load<uint64_t>(9); version != kIndexVersion)
    throw InputError("{} has version {}, not 1; {}", idx.path(), version, kEncodeAgain);
  IndexLayout layout{.type = check_type(idx), .sequences = idx.load<uint64_t>(18)};
  // fairseq's header and arrays are the same up to here, but have no document index.
  const bool countable = layout.sequences <= idx.size();
  const bool fairseq = countable && idx.size() == kFairseqHeaderBytes + 12 * layout.sequences;
  const uint64_t entries = idx.size() >= kIndexHeaderBytes ? idx.load<uint64_t>(26) : 0;
  const bool whole = countable && entries >= 1 && entries <= idx.size() &&
                     (layout.documents = entries - 1, layout.file_bytes() == idx.size());
  if (whole) return layout;
  if (fairseq)
    throw InputError("{} was written by fairseq: it has no document index; encode the text with tandem",
                     idx.path());
  if (countable && entries >= 1 && entries <= idx.size() &&
      layout.file_bytes() + layout.sequences == idx.size())
    throw InputError("{} has a mode for each sequence: multimodal data cannot be read", idx.path());
  throw InputError(
      "{} has {} bytes, which is not what its header ({} sequences, {} document entries) asks for: truncated "
      "or damaged; {}",
      idx.path(), idx.size(), layout.sequences, entries, kEncodeAgain);
}

void check_sequences(const MappedFile& idx, const IndexLayout& layout, uint64_t bin_bytes,
                     const std::string& bin_path) {
  const auto bytes = static_cast<uint64_t>(token_bytes(layout.type));
  uint64_t sum = 0;
  for (uint64_t i = 0; i < layout.sequences; ++i) {
    const auto length = idx.load<int32_t>(layout.length_at(i));
    if (length < 0)
      throw InputError("{}: sequence {} has length {}; {}", idx.path(), i, length, kEncodeAgain);
    if (idx.load<uint64_t>(layout.offset_at(i)) != sum)
      throw InputError("{}: sequence {} starts at byte {}, but {} bytes come before it; {}", idx.path(), i,
                       idx.load<uint64_t>(layout.offset_at(i)), sum, kEncodeAgain);
    sum += static_cast<uint64_t>(length) * bytes;
  }
  if (bin_bytes != sum)
    throw InputError("{} has {} bytes, but {} counts {}: {}; {}", bin_path, bin_bytes, idx.path(), sum,
                     bin_bytes == 0    ? "it is empty"
                     : bin_bytes < sum ? "it is truncated"
                                       : "they do not belong together",
                     kEncodeAgain);
}

void check_documents(const MappedFile& idx, const IndexLayout& layout) {
  int64_t before = 0;
  for (uint64_t i = 0; i <= layout.documents; ++i) {
    const auto first = idx.load<int64_t>(layout.document_at(i));
    if ((i == 0 && first != 0) || first < before || first > static_cast<int64_t>(layout.sequences))
      throw InputError("{}: document {} starts at sequence {}, after {}; {}", idx.path(), i, first, before,
                       kEncodeAgain);
    before = first;
  }
  if (before != static_cast<int64_t>(layout.sequences))
    throw InputError("{}: the document index ends at sequence {} of {}; {}", idx.path(), before,
                     layout.sequences, kEncodeAgain);
}

}  // namespace

IndexLayout check_index(const MappedFile& idx, uint64_t bin_bytes, const std::string& bin_path) {
  const IndexLayout layout = check_header(idx);
  check_sequences(idx, layout, bin_bytes, bin_path);
  check_documents(idx, layout);
  if (bin_bytes == 0) throw InputError("{} holds no tokens; encode some text", bin_path);
  return layout;
}

}  // namespace tandem::data
