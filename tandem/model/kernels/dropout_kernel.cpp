// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/kernels/dropout_kernel.h"

namespace tandem::model::kernels {

namespace {

constexpr int kLanes = 16;
constexpr int kWords = 4 * kLanes;

// Philox4x32-10 of base/random.h for kLanes counters from `index` on, side by side so that loops become
// vector code; written apart because code that is compiled for each level must not share inline functions
// with code that is not.
TANDEM_INLINE void draw(uint64_t key, uint64_t index, uint32_t* __restrict words) {
  uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    const uint64_t counter = index + static_cast<uint64_t>(i);
    c0[i] = static_cast<uint32_t>(counter);
    c1[i] = static_cast<uint32_t>(counter >> 32);
    c2[i] = c3[i] = 0;
  }
  auto key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
#pragma GCC unroll 1
    for (int i = 0; i < kLanes; ++i) {
      const uint64_t product0 = uint64_t{0xD2511F53u} * c0[i];
      const uint64_t product1 = uint64_t{0xCD9E8D57u} * c2[i];
      c0[i] = static_cast<uint32_t>(product1 >> 32) ^ c1[i] ^ key0;
      c1[i] = static_cast<uint32_t>(product1);
      c2[i] = static_cast<uint32_t>(product0 >> 32) ^ c3[i] ^ key1;
      c3[i] = static_cast<uint32_t>(product0);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  for (int i = 0; i < kLanes; ++i) {
    words[4 * i] = c0[i];
    words[4 * i + 1] = c1[i];
    words[4 * i + 2] = c2[i];
    words[4 * i + 3] = c3[i];
  }
}

template <class T>
TANDEM_INLINE void drop_some(const DropRow<T>& work, const uint32_t* __restrict words, int64_t begin,
                             int64_t count) {
  const T* __restrict x = work.x + begin;
  T* __restrict out = work.out + begin;
  const uint32_t last_dropped = work.last_dropped;
  const Wide<T> scale = work.scale;
  if (work.residual == nullptr) {
    for (int64_t c = 0; c < count; ++c) {
      const Wide<T> scaled = widen(x[c]) * scale;
      put(out[c], words[c] <= last_dropped ? 0 : scaled);
    }
    return;
  }
  const T* __restrict residual = work.residual + begin;
  for (int64_t c = 0; c < count; ++c) {
    const Wide<T> scaled = widen(x[c]) * scale;
    put(out[c], widen(residual[c]) + (words[c] <= last_dropped ? 0 : scaled));
  }
}

template <class T>
TANDEM_INLINE void drop_row(const DropRow<T>& work) {
  uint32_t words[kWords];
  int64_t skipped = static_cast<int64_t>(work.first_word % 4);  // of the first draw
  uint64_t index = work.first_word / 4;
  for (int64_t c = 0; c < work.width; index += kLanes) {
    draw(work.key, index, words);
    const int64_t count = kWords - skipped < work.width - c ? kWords - skipped : work.width - c;
    drop_some(work, words + skipped, c, count);
    c += count;
    skipped = 0;
  }
}

}  // namespace

TANDEM_EACH_LEVEL void drop(const DropRow<float>& work) { drop_row(work); }
TANDEM_EACH_LEVEL void drop(const DropRow<double>& work) { drop_row(work); }
TANDEM_EACH_LEVEL void drop(const DropRow<Bfloat16>& work) { drop_row(work); }

}  // namespace tandem::model::kernels
