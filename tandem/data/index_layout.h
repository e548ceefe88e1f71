// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "tandem/data/mapped_file.h"
#include "tandem/data/token_index.h"

namespace tandem::data {

/// The first nine bytes of every .idx file.
constexpr std::array<char, 9> kIndexMagic = {'M', 'M', 'I', 'D', 'I', 'D', 'X', 0, 0};
constexpr uint64_t kIndexVersion = 1;
/// Bytes before the arrays: magic, version u64, type u8, sequences u64, length of the document index u64.
constexpr uint64_t kIndexHeaderBytes = 34;

/// Where things lie in an .idx file: lengths i32, byte offsets i64, document index i64 (documents + 1
/// entries).
struct IndexLayout {
  TokenType type = TokenType::kU16;
  uint64_t sequences = 0;
  uint64_t documents = 0;

  uint64_t length_at(uint64_t sequence) const { return kIndexHeaderBytes + 4 * sequence; }
  uint64_t offset_at(uint64_t sequence) const { return kIndexHeaderBytes + 4 * sequences + 8 * sequence; }
  uint64_t document_at(uint64_t document) const { return kIndexHeaderBytes + 12 * sequences + 8 * document; }
  uint64_t file_bytes() const { return document_at(documents + 1); }
};

/// Reads and checks a whole .idx file against the size of its .bin file. Throws InputError naming file and
/// fault.
IndexLayout check_index(const MappedFile& idx, uint64_t bin_bytes, const std::string& bin_path);

}  // namespace tandem::data
