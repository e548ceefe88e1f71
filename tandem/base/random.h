// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace tandem {

/// Computes Philox4x32-10: four random words that depend on key and counter alone.
/// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 3.3.
constexpr std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

/// A stream of random numbers that is a pure function of its key and an index: no state, so that what is
/// drawn does not depend on who draws it, in which order, or under which layout. Copyable; thread-safe.
class CounterRandom {
 public:
  /// Makes the stream for a seed and the things it belongs to, as in CounterRandom(seed, "mask", epoch,
  /// sample).
  template <typename... Parts>
  explicit constexpr CounterRandom(uint64_t seed, Parts... parts) : key_(mix(seed, 0)) {
    ((key_ = mix(key_, part(parts))), ...);
  }

  /// Returns the stream whose key() is `key`.
  static constexpr CounterRandom of_key(uint64_t key) {
    CounterRandom random(0);
    random.key_ = key;
    return random;
  }

  /// Returns the stream of a part of this one.
  template <typename... Parts>
  constexpr CounterRandom split(Parts... parts) const {
    CounterRandom child = *this;
    ((child.key_ = mix(child.key_, part(parts))), ...);
    return child;
  }

  /// Returns four random words at `index`.
  constexpr std::array<uint32_t, 4> words(uint64_t index) const {
    return philox4x32({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), 0, 0},
                      {static_cast<uint32_t>(key_), static_cast<uint32_t>(key_ >> 32)});
  }
  /// Returns 64 random bits at `index`.
  constexpr uint64_t bits(uint64_t index) const {
    const auto w = words(index);
    return uint64_t{w[1]} << 32 | w[0];
  }
  /// Returns a number in [0, 1) with 53 random bits.
  constexpr double uniform(uint64_t index) const { return static_cast<double>(bits(index) >> 11) * 0x1p-53; }
  /// Returns an integer in [0, bound), bound >= 1. Its bias is below bound / 2^64.
  constexpr uint64_t below(uint64_t index, uint64_t bound) const {
    return static_cast<uint64_t>((static_cast<Wide>(bits(index)) * bound) >> 64);
  }
  /// Returns a standard normal number (Box-Muller, double precision).
  double normal(uint64_t index) const;

  constexpr uint64_t key() const { return key_; }

 private:
  __extension__ using Wide = unsigned __int128;

  static constexpr uint64_t mix(uint64_t a, uint64_t b) {
    // splitmix64 of the pair: a bijection of b while a is fixed, so that the parts of one stream never meet.
    uint64_t z = (a ^ (b + 0x9E3779B97F4A7C15u + (a << 6) + (a >> 2))) + 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  static constexpr uint64_t part(std::string_view name) {
    uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    return hash;
  }
  template <typename Integer>
  requires std::is_integral_v<Integer>
  static constexpr uint64_t part(Integer value) { return static_cast<uint64_t>(value); }

  uint64_t key_;
};

/// A permutation of [0, size) that is a pure function of its key: position -> element in O(1) time and
/// memory. Method: a four-round Feistel network on the next even power of two, walked until it lands inside
/// (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002, section 4).
class Permutation {
 public:
  /// Makes the permutation of [0, size), size >= 1.
  Permutation(CounterRandom random, uint64_t size);
  /// Returns the element at `position`, position < size.
  uint64_t operator()(uint64_t position) const;

 private:
  uint64_t encrypt(uint64_t value) const;

  CounterRandom random_;
  uint64_t size_;
  uint32_t half_bits_;
};

}  // namespace tandem
