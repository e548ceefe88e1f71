// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/filled_step.h"

#include <algorithm>

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/writer.h"

namespace tandem::interop {

namespace {

constexpr int64_t kElementsAtOnce = 1 << 20;

std::vector<std::byte> bytes_of(const FilledPiece& piece) {
  const int64_t count = piece.slice.num_elements(), size = checkpoint::size_bytes(piece.type);
  std::vector<std::byte> bytes(static_cast<size_t>(count * size));
  for (int64_t first = 0; first < count; first += kElementsAtOnce) {
    const int64_t now = std::min(count - first, kElementsAtOnce);
    piece.fill(first,
               std::span(bytes).subspan(static_cast<size_t>(first * size), static_cast<size_t>(now * size)));
  }
  return bytes;
}

}  // namespace

std::filesystem::path save_filled_step(const std::filesystem::path& folder,
                                       const checkpoint::StepDescription& description,
                                       const std::vector<layout::TensorSpec>& tensors,
                                       std::span<const FilledPiece> pieces) {
  std::vector<std::vector<std::byte>> bytes;
  std::vector<checkpoint::Piece> filled;
  for (const FilledPiece& piece : pieces) {
    bytes.push_back(bytes_of(piece));
    filled.push_back(
        {.tensor = piece.tensor, .slice = piece.slice, .type = piece.type, .bytes = bytes.back()});
  }
  checkpoint::OneRank alone;
  return checkpoint::save_step(folder, description, tensors, filled, alone);
}

}  // namespace tandem::interop
