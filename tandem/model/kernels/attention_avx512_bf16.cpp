// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/kernels/attention_head.h"
#include "tandem/model/kernels/attention_head_backward.h"

namespace tandem::model::kernels {

template <>
int64_t attention_scratch<Bfloat16>(const AttentionShape& shape) {
  Scratch forward(nullptr), backward(nullptr);
  const ForwardMemory<PairWords> one(shape, forward);
  const BackwardMemory<PairWords> other(shape, backward);
  return forward.used_bytes() > backward.used_bytes() ? forward.used_bytes() : backward.used_bytes();
}

void attend(const AttentionForward<Bfloat16>& work, int64_t b, int64_t h, void* scratch) {
  forward_head<PairWords>(work, b, h, scratch);
}

void attend_backward(const AttentionBackward<Bfloat16>& work, int64_t b, int64_t h, float* of_bias,
                     void* scratch) {
  backward_head<PairWords>(work, b, h, of_bias, scratch);
}

}  // namespace tandem::model::kernels
