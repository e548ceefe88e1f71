// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/crc32c.h"

#include <algorithm>

#include <isa-l/crc.h>

namespace tandem {

namespace {

// Polynomials over GF(2) modulo that of CRC32C, bits reflected: the highest bit is the coefficient of x^0.
constexpr uint32_t kPolynomial = 0x82F63B78u;
constexpr uint32_t kOne = 0x80000000u;
constexpr uint32_t kXToThe8 = kOne >> 8;

uint32_t times(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = kOne; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b & 1) != 0 ? (b >> 1) ^ kPolynomial : b >> 1;
  }
  return product;
}

}  // namespace

uint32_t crc32c(std::span<const std::byte> bytes, uint32_t so_far) {
  constexpr size_t kMost = size_t{1} << 30;  // the library counts in int
  uint32_t state = ~so_far;
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kMost));
    auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(part.data()));
    state = crc32_iscsi(data, static_cast<int>(part.size()), state);
    bytes = bytes.subspan(part.size());
  }
  return ~state;
}

Crc32cJoint::Crc32cJoint(int64_t second_bytes) : shift_(kOne) {
  // Behind n more bytes a checksum counts x^(8 n) times as much.
  uint32_t power = kXToThe8;
  for (int64_t rest = second_bytes; rest > 0; rest >>= 1) {
    if ((rest & 1) != 0) shift_ = times(shift_, power);
    power = times(power, power);
  }
}

uint32_t Crc32cJoint::operator()(uint32_t first, uint32_t second) const {
  return times(shift_, first) ^ second;
}

}  // namespace tandem
