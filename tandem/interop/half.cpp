// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/half.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "tandem/base/error.h"

namespace tandem::interop {

static_assert(std::endian::native == std::endian::little, "files are read as they lie");

namespace {

uint32_t widen(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16, fraction = half & 0x3ffu;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  if (exponent == 0x1f) return sign | 0x7f800000u | (fraction << 13);
  if (exponent != 0) return sign | ((exponent + 127 - 15) << 23) | (fraction << 13);
  // Subnormal or zero: the fraction counts units of 2^-24, which binary32 holds as normal numbers.
  return sign | std::bit_cast<uint32_t>(static_cast<float>(fraction) * 0x1p-24f);
}

}  // namespace

void widen_half(std::span<const std::byte> source, std::span<std::byte> target) {
  TANDEM_CHECK(source.size() % 2 == 0 && target.size() == 2 * source.size(), "{} bytes into {}",
               source.size(), target.size());
  for (size_t i = 0; i < source.size() / 2; ++i) {
    uint16_t half = 0;
    std::memcpy(&half, source.data() + 2 * i, 2);
    const uint32_t wide = widen(half);
    std::memcpy(target.data() + 4 * i, &wide, 4);
  }
}

}  // namespace tandem::interop
