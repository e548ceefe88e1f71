// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/filled_step.h"

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/writer.h"

namespace tandem::interop {

std::filesystem::path save_filled_step(const std::filesystem::path& folder,
                                       const checkpoint::StepDescription& description,
                                       const std::vector<layout::TensorSpec>& tensors,
                                       std::span<const FilledPiece> pieces) {
  const int64_t size = checkpoint::size_bytes(description.roles.at(0).type);
  std::vector<checkpoint::Piece> filled;
  for (const FilledPiece& piece : pieces)
    filled.push_back(
        {.tensor = piece.tensor,
         .range = layout::range_of(piece.slice),
         .values = {checkpoint::ByteSource(
             piece.slice.num_elements() * size,
             [&piece, size](int64_t first, std::span<std::byte> out) { piece.fill(first / size, out); })}});
  checkpoint::OneRank alone;
  return checkpoint::save_step({.folder = folder, .description = description, .tensors = tensors}, filled,
                               alone);
}

}  // namespace tandem::interop
