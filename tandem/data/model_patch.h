// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::data {

/// Types of pieces in a SentencePiece model (sentencepiece_model.proto, ModelProto.SentencePiece.Type).
enum class PieceType : uint8_t { kControl = 3, kUnused = 5 };

/// What a model says of how it was trained.
struct TrainerFigures {
  int64_t vocabulary = 0;
  double character_coverage = 0;
};

/// Appends a piece to the bytes of a SentencePiece model; its id is the next free one. Needs no generated
/// code: concatenated Protocol Buffers messages merge, repeated fields one after the other.
void append_piece(std::string& model, std::string_view piece, PieceType type);

/// Replaces the figures of the trainer in the bytes of a SentencePiece model, by the same rule of merging.
void replace_figures(std::string& model, const TrainerFigures& figures);

}  // namespace tandem::data
