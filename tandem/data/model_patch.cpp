// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/model_patch.h"

#include <cstring>

namespace tandem::data {
namespace {

// Protocol Buffers' wire types (encoding guide, "Message structure").
enum class Wire : uint8_t { kVarint = 0, kBytes = 2, kFixed32 = 5 };

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 128; value >>= 7) out += static_cast<char>((value & 127) | 128);
  out += static_cast<char>(value);
}

void put_tag(std::string& out, uint32_t field, Wire wire) {
  put_varint(out, field << 3 | static_cast<uint32_t>(wire));
}

void put_bytes(std::string& out, uint32_t field, std::string_view bytes) {
  put_tag(out, field, Wire::kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

void put_float(std::string& out, uint32_t field, float value) {
  put_tag(out, field, Wire::kFixed32);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}

void put_integer(std::string& out, uint32_t field, uint64_t value) {
  put_tag(out, field, Wire::kVarint);
  put_varint(out, value);
}

}  // namespace

void append_piece(std::string& model, std::string_view piece, PieceType type) {
  std::string message;
  put_bytes(message, 1, piece);
  put_float(message, 2, 0.0f);
  put_integer(message, 3, static_cast<uint64_t>(type));
  put_bytes(model, 1, message);  // ModelProto.pieces
}

void replace_figures(std::string& model, const TrainerFigures& figures) {
  std::string message;
  put_integer(message, 4, static_cast<uint64_t>(figures.vocabulary));
  put_float(message, 10, static_cast<float>(figures.character_coverage));
  put_bytes(model, 2, message);  // ModelProto.trainer_spec
}

}  // namespace tandem::data
