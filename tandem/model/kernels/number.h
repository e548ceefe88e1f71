// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

/// Put before a function that is compiled once for each x86-64 level; the loader picks the one for the
/// processor. What it calls must be inlined to follow.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define TANDEM_EACH_LEVEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TANDEM_EACH_LEVEL
#endif
#define TANDEM_INLINE [[gnu::always_inline]] inline

/// Loops over plain memory that know no libtorch. A kernel works on a range of rows on the calling thread, so
/// that callers choose the split; what it computes for a row does not depend on the split.
namespace tandem::model::kernels {

/// A bfloat16 as it lies in memory: the upper half of a float.
struct Bfloat16 {
  uint16_t bits;
};

/// The type in which kernels compute: double for double, else float.
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;

TANDEM_INLINE float widen(const float& x) { return x; }
TANDEM_INLINE double widen(const double& x) { return x; }
TANDEM_INLINE float widen(const Bfloat16& x) { return std::bit_cast<float>(uint32_t{x.bits} << 16); }

/// Rounds to nearest, ties to even; NaN stays NaN.
TANDEM_INLINE uint16_t bfloat16_bits(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  return static_cast<uint16_t>(x != x ? 0x7FC0u : rounded);
}

TANDEM_INLINE void put(float& to, float x) { to = x; }
TANDEM_INLINE void put(double& to, double x) { to = x; }
TANDEM_INLINE void put(Bfloat16& to, float x) { to.bits = bfloat16_bits(x); }

/// A range of rows.
struct Rows {
  int64_t begin;
  int64_t end;
};

}  // namespace tandem::model::kernels
