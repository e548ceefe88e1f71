// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/kernels/attention_kernel.h"

namespace tandem::model::kernels {

template <>
bool can_attend<float>() {
  static const bool can = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("fma");
  return can;
}

template <>
bool can_attend<Bfloat16>() {
  static const bool can = can_attend<float>() && __builtin_cpu_supports("avx512bf16");
  return can;
}

}  // namespace tandem::model::kernels
