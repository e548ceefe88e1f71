// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/data/token_index.h"

namespace tandem::data {

/// A stretch of one document.
struct Piece {
  uint64_t document = 0;
  uint64_t offset = 0;  ///< tokens
  uint64_t tokens = 0;
};

/// How documents are cut.
struct PieceOptions {
  int64_t raw_length = 0;      ///< tokens of a full piece, >= 2
  int32_t eos = 1;             ///< a last token like this is no part of a document
  bool ends_with_eos = false;  ///< known of all documents, so that opening need not look at their tokens
};

/// The documents of an index cut into pieces: each document into full pieces and a shorter last one, without
/// its final eos; a rest of one token, in which nothing could be masked, is dropped. Pieces are numbered in
/// document order. Keeps 8 bytes for 64 documents. Immutable; thread-safe.
class Pieces {
 public:
  Pieces(TokenIndex index, const PieceOptions& options);
  uint64_t size() const { return size_; }
  /// Returns the place of a piece, number < size().
  Piece operator[](uint64_t number) const;
  /// Copies the tokens of a piece.
  std::vector<int32_t> tokens(const Piece& piece) const;
  const TokenIndex& index() const { return index_; }

 private:
  uint64_t content(uint64_t document) const;
  uint64_t count(uint64_t document) const;

  TokenIndex index_;
  PieceOptions options_;
  std::vector<uint64_t> before_;  // pieces before each 64th document
  uint64_t size_ = 0;
};

}  // namespace tandem::data
