// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/model/kernels/number.h"

namespace tandem::model::kernels {

/// A [B, T, H, E] tensor whose heads' vectors are contiguous; strides in elements.
template <class T>
struct Heads {
  const T* data;
  int64_t batch_stride, row_stride, head_stride;

  TANDEM_INLINE const T* row(int64_t b, int64_t t, int64_t h) const {
    return data + b * batch_stride + t * row_stride + h * head_stride;
  }
};

struct AttentionShape {
  int64_t batch, heads, queries, keys, width;
  const int64_t* key_lengths;  ///< [B], or null: all keys
  int64_t causal_shift;        ///< query t sees keys up to t + shift; at least `keys` where nothing is causal
  float scale;
  const float* bias;  ///< [H, T, S], or null

  TANDEM_INLINE int64_t key_length(int64_t b) const { return key_lengths ? key_lengths[b] : keys; }
};

/// Attention in blocks of queries against all keys, never holding the probabilities of more than one block
/// (Dao et al., "FlashAttention", arXiv 2205.14135, without the rescaling: a block sees all its keys at
/// once). T is float, or Bfloat16 with sums in float. Needs AVX-512, for Bfloat16 also its BF16 part: ask
/// `can_attend`.
template <class T>
struct AttentionForward {
  AttentionShape shape;
  Heads<T> q, k, v;
  T* out;          ///< [B, T, H, E]
  float* log_sum;  ///< [B, H, T]: logarithm of the sum of exponentials
};
template <class T>
struct AttentionBackward {
  AttentionShape shape;
  Heads<T> q, k, v, out, of_out;
  const float* log_sum;
  T *of_q, *of_k, *of_v;  ///< [B, T or S, H, E]
};

/// Returns whether this processor runs the kernels of an element type.
template <class T>
bool can_attend();

/// Returns the bytes of scratch memory that a call needs, aligned to 64.
template <class T>
int64_t attention_scratch(const AttentionShape& shape);

/// Computes one head of one sample. Thread-safe for different heads or samples, each with its own scratch.
void attend(const AttentionForward<float>& work, int64_t b, int64_t h, void* scratch);
void attend(const AttentionForward<Bfloat16>& work, int64_t b, int64_t h, void* scratch);

/// Writes the gradients of one head of one sample, and adds that of the bias to `of_bias` [T, S] unless it is
/// null.
void attend_backward(const AttentionBackward<float>& work, int64_t b, int64_t h, float* of_bias,
                     void* scratch);
void attend_backward(const AttentionBackward<Bfloat16>& work, int64_t b, int64_t h, float* of_bias,
                     void* scratch);

}  // namespace tandem::model::kernels
