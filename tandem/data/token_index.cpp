// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/token_index.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/data/index_layout.h"
#include "tandem/data/mapped_file.h"

namespace tandem::data {

struct TokenIndex::Files {
  Files(std::string name, const std::string& bin_path, const std::string& idx_path)
      : prefix(std::move(name)),
        bin(bin_path),
        idx(idx_path),
        layout(check_index(idx, bin.size(), bin_path)) {}

  std::string prefix;
  MappedFile bin;
  MappedFile idx;
  IndexLayout layout;
};

namespace {

std::string stripped(const std::string& prefix) {
  for (const char* ending : {".bin", ".idx"})
    if (prefix.size() > 4 && prefix.ends_with(ending)) return prefix.substr(0, prefix.size() - 4);
  return prefix;
}

// Calls `use` with a value of the C++ type of `type`.
template <class Use>
auto with_type(TokenType type, Use&& use) {
  switch (type) {
    case TokenType::kU8:
      return use(uint8_t{});
    case TokenType::kI8:
      return use(int8_t{});
    case TokenType::kI16:
      return use(int16_t{});
    case TokenType::kI32:
      return use(int32_t{});
    case TokenType::kI64:
      return use(int64_t{});
    case TokenType::kU16:
      return use(uint16_t{});
  }
  throw BugError("token type {}", static_cast<int>(type));
}

}  // namespace

int64_t token_bytes(TokenType type) {
  return with_type(type, [](auto value) { return static_cast<int64_t>(sizeof value); });
}

const char* token_type_name(TokenType type) {
  switch (type) {
    case TokenType::kU8:
      return "uint8";
    case TokenType::kI8:
      return "int8";
    case TokenType::kI16:
      return "int16";
    case TokenType::kI32:
      return "int32";
    case TokenType::kI64:
      return "int64";
    case TokenType::kU16:
      return "uint16";
  }
  throw BugError("token type {}", static_cast<int>(type));
}

TokenType token_type_for(int64_t vocabulary) {
  return vocabulary < 65500 ? TokenType::kU16 : TokenType::kI32;
}

TokenIndex TokenIndex::open(const std::string& prefix) {
  const std::string name = stripped(prefix);
  return TokenIndex(std::make_shared<const Files>(name, name + ".bin", name + ".idx"));
}

const std::string& TokenIndex::prefix() const { return files_->prefix; }
TokenType TokenIndex::type() const { return files_->layout.type; }
uint64_t TokenIndex::documents() const { return files_->layout.documents; }
uint64_t TokenIndex::sequences() const { return files_->layout.sequences; }
uint64_t TokenIndex::tokens() const {
  return files_->bin.size() / static_cast<uint64_t>(token_bytes(files_->layout.type));
}

uint64_t TokenIndex::first_token(uint64_t document) const {
  const IndexLayout& layout = files_->layout;
  const auto sequence = static_cast<uint64_t>(files_->idx.load<int64_t>(layout.document_at(document)));
  if (sequence == layout.sequences) return tokens();
  return static_cast<uint64_t>(files_->idx.load<int64_t>(layout.offset_at(sequence)) /
                               token_bytes(layout.type));
}

uint64_t TokenIndex::document_tokens(uint64_t document) const {
  TANDEM_CHECK(document < documents(), "document {} of {}", document, documents());
  return first_token(document + 1) - first_token(document);
}

void TokenIndex::read(uint64_t document, uint64_t offset, std::span<int32_t> out) const {
  const uint64_t size = document_tokens(document);
  TANDEM_CHECK(offset <= size && out.size() <= size - offset, "tokens {}+{} of {}", offset, out.size(), size);
  const uint64_t first = first_token(document) + offset;
  with_type(type(), [&](auto zero) {
    using T = decltype(zero);
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<int32_t>(files_->bin.load<T>((first + i) * sizeof(T)));
  });
}

std::vector<int32_t> TokenIndex::read(uint64_t document) const {
  std::vector<int32_t> ids(document_tokens(document));
  read(document, 0, ids);
  return ids;
}

std::optional<TokenPlace> TokenIndex::find_outside(int64_t vocabulary) const {
  const auto found = with_type(type(), [&](auto zero) -> std::optional<std::pair<uint64_t, int64_t>> {
    using T = decltype(zero);
    for (uint64_t i = 0; i < tokens(); ++i) {
      const auto id = static_cast<int64_t>(files_->bin.load<T>(i * sizeof(T)));
      if (id < 0 || id >= vocabulary) return std::pair{i, id};
    }
    return std::nullopt;
  });
  if (!found) return std::nullopt;
  // The last document that starts at or before the token; empty documents share their start.
  uint64_t low = 0;
  for (uint64_t high = documents(); high - low > 1;) {
    const uint64_t middle = low + (high - low) / 2;
    (first_token(middle) <= found->first ? low : high) = middle;
  }
  return TokenPlace{.document = low, .id = found->second};
}

}  // namespace tandem::data
