// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tandem {

/// Returns the CRC32C (Castagnoli; RFC 3720, section 12.1) of bytes, behind those whose checksum is `so_far`.
/// Finds every single flipped bit and every burst of up to 32 bits.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t so_far = 0);

/// Makes the CRC32C of two runs of bytes, one behind the other, from theirs. For many joints whose second
/// runs are of one length, which is what takes time.
class Crc32cJoint {
 public:
  explicit Crc32cJoint(int64_t second_bytes);
  uint32_t operator()(uint32_t first, uint32_t second) const;

 private:
  uint32_t shift_;
};

}  // namespace tandem
