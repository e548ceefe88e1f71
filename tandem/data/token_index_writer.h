// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "tandem/data/token_index.h"

namespace tandem::data {

/// The two files of an index.
struct IndexPaths {
  std::string bin;
  std::string idx;
};

/// Writes .bin and .idx as Megatron-LM does, byte for byte. Keeps 4 bytes a sequence and 8 a document in
/// memory. Not thread-safe. The files are whole only after finish(): give temporary names and rename (see
/// OutputFiles).
class TokenIndexWriter {
 public:
  /// Throws EnvironmentError if the .bin file cannot be made.
  TokenIndexWriter(IndexPaths paths, TokenType type);

  /// Appends a sequence to the current document. Throws InputError if an id does not fit the type,
  /// EnvironmentError if it cannot be written.
  void add_sequence(std::span<const int32_t> ids);
  /// Ends the current document, which may have no sequence.
  void end_document();
  /// Writes the index. All sequences must lie in ended documents.
  void finish();

  uint64_t documents() const { return documents_.size() - 1; }
  uint64_t tokens() const { return tokens_; }

 private:
  void write_index();

  IndexPaths paths_;
  TokenType type_;
  std::ofstream bin_;
  uint64_t tokens_ = 0;
  std::vector<int32_t> lengths_;
  std::vector<int64_t> documents_ = {0};
  std::vector<char> buffer_;
};

}  // namespace tandem::data
