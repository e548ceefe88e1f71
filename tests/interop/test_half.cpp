// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "tandem/interop/half.h"

namespace tandem::interop {
namespace {

// From the definition of the format.
double value_of(uint32_t half) {
  const int sign = (half & 0x8000) != 0 ? -1 : 1, exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent == 31) return fraction != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(WidenHalf, EveryHalfKeepsItsValueAndSign) {
  std::vector<uint16_t> halves(65536);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<uint16_t>(i);
  std::vector<float> wide(halves.size());
  widen_half(std::as_bytes(std::span(halves)), std::as_writable_bytes(std::span(wide)));
  for (uint32_t i = 0; i < halves.size(); ++i) {
    const double expected = value_of(i);
    if (std::isnan(expected))
      ASSERT_TRUE(std::isnan(wide[i])) << i;
    else
      ASSERT_EQ(wide[i], expected) << i;
    ASSERT_EQ(std::signbit(wide[i]), (i & 0x8000) != 0) << i;
  }
}

}  // namespace
}  // namespace tandem::interop
