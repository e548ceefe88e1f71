// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/random.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "tandem/base/error.h"

namespace tandem {

double CounterRandom::normal(uint64_t index) const {
  const auto w = words(index);
  // 1 - u is in (0, 1]: its logarithm is finite.
  const double u = static_cast<double>((uint64_t{w[1]} << 32 | w[0]) >> 11) * 0x1p-53;
  const double v = static_cast<double>((uint64_t{w[3]} << 32 | w[2]) >> 11) * 0x1p-53;
  return std::sqrt(-2.0 * std::log1p(-u)) * std::cos(2.0 * std::numbers::pi * v);
}

Permutation::Permutation(CounterRandom random, uint64_t size) : random_(random), size_(size) {
  TANDEM_CHECK(size >= 1, "a permutation needs at least one element");
  const auto bits = static_cast<uint32_t>(std::bit_width(size - 1));
  half_bits_ = bits < 2 ? 1 : (bits + 1) / 2;
}

uint64_t Permutation::encrypt(uint64_t value) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = value >> half_bits_;
  uint64_t right = value & mask;
  for (uint64_t round = 0; round < 4; ++round) {
    const uint64_t next = (left ^ random_.split(round).bits(right)) & mask;
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

uint64_t Permutation::operator()(uint64_t position) const {
  TANDEM_CHECK(position < size_, "position {} of {}", position, size_);
  uint64_t value = encrypt(position);
  while (value >= size_) value = encrypt(value);
  return value;
}

}  // namespace tandem
