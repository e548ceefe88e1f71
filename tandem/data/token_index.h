// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tandem::data {

/// The integer types of tokens in a .bin file, by their code in the .idx file.
enum class TokenType : uint8_t { kU8 = 1, kI8 = 2, kI16 = 3, kI32 = 4, kI64 = 5, kU16 = 8 };

/// Returns the bytes of one token: 1, 2, 4 or 8.
int64_t token_bytes(TokenType type);
/// Returns "uint16", "int32" and so on.
const char* token_type_name(TokenType type);
/// Returns what Megatron-LM writes for a vocabulary: u16 below 65,500 ids, else i32.
TokenType token_type_for(int64_t vocabulary);

/// Where a token lies in an index.
struct TokenPlace {
  uint64_t document = 0;
  int64_t id = 0;
};

/// A tokenised corpus as Megatron-LM's PREFIX.bin and PREFIX.idx, memory-mapped: opening reads the index,
/// never the tokens. A document is one or several sequences one after the other. Immutable; thread-safe;
/// cheap to copy (copies share the mapping). Layout: index_layout.h; read in Megatron-LM's
/// `megatron/core/datasets/indexed_dataset.py`.
class TokenIndex {
 public:
  /// Opens PREFIX (also given as PREFIX.bin or PREFIX.idx) and checks every field and both sizes. Throws
  /// InputError that names file and fault if one is missing, empty, truncated, foreign or inconsistent;
  /// EnvironmentError if a file cannot be mapped.
  static TokenIndex open(const std::string& prefix);

  const std::string& prefix() const;
  TokenType type() const;
  uint64_t documents() const;
  uint64_t sequences() const;
  uint64_t tokens() const;

  /// Returns the tokens of a document, document < documents().
  uint64_t document_tokens(uint64_t document) const;
  /// Copies out.size() tokens of a document from `offset` on; they must lie inside the document.
  void read(uint64_t document, uint64_t offset, std::span<int32_t> out) const;
  /// Returns a whole document.
  std::vector<int32_t> read(uint64_t document) const;

  /// Reads all tokens and returns the first that is not in [0, vocabulary).
  std::optional<TokenPlace> find_outside(int64_t vocabulary) const;

 private:
  struct Files;
  explicit TokenIndex(std::shared_ptr<const Files> files) : files_(std::move(files)) {}
  uint64_t first_token(uint64_t document) const;

  std::shared_ptr<const Files> files_;
};

}  // namespace tandem::data
