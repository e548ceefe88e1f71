// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/pieces.h"

#include <algorithm>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::data {
namespace {

constexpr uint64_t kDocumentsPerEntry = 64;

}  // namespace

Pieces::Pieces(TokenIndex index, const PieceOptions& options) : index_(std::move(index)), options_(options) {
  TANDEM_CHECK(options.raw_length >= 2, "raw length {}", options.raw_length);
  before_.reserve(index_.documents() / kDocumentsPerEntry + 1);
  for (uint64_t document = 0; document < index_.documents(); ++document) {
    if (document % kDocumentsPerEntry == 0) before_.push_back(size_);
    size_ += count(document);
  }
}

uint64_t Pieces::content(uint64_t document) const {
  const uint64_t tokens = index_.document_tokens(document);
  if (tokens == 0 || options_.ends_with_eos) return tokens == 0 ? 0 : tokens - 1;
  int32_t last = 0;
  index_.read(document, tokens - 1, {&last, 1});
  return last == options_.eos ? tokens - 1 : tokens;
}

uint64_t Pieces::count(uint64_t document) const {
  const uint64_t tokens = content(document);
  const auto raw = static_cast<uint64_t>(options_.raw_length);
  return tokens / raw + (tokens % raw >= 2 ? 1 : 0);
}

Piece Pieces::operator[](uint64_t number) const {
  TANDEM_CHECK(number < size_, "piece {} of {}", number, size_);
  const auto entry = std::upper_bound(before_.begin(), before_.end(), number) - before_.begin() - 1;
  uint64_t document = static_cast<uint64_t>(entry) * kDocumentsPerEntry;
  uint64_t left = number - before_[static_cast<size_t>(entry)];
  for (uint64_t pieces = count(document); left >= pieces; pieces = count(document)) {
    left -= pieces;
    ++document;
  }
  const auto raw = static_cast<uint64_t>(options_.raw_length);
  return {
      .document = document, .offset = left * raw, .tokens = std::min(raw, content(document) - left * raw)};
}

std::vector<int32_t> Pieces::tokens(const Piece& piece) const {
  std::vector<int32_t> ids(piece.tokens);
  index_.read(piece.document, piece.offset, ids);
  return ids;
}

}  // namespace tandem::data
