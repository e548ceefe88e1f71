// SPDX-License-Identifier: Apache-2.0
#include "tandem/model/attention_kernel_call.h"

#include <ATen/ATen.h>

#include "tandem/base/error.h"
#include "tandem/model/kernels/attention_kernel.h"
#include "tandem/model/kernels/dispatch.h"

namespace tandem::model {

namespace {

using kernels::AttentionShape;
using kernels::Bfloat16;

template <class Work>
void with_kernel(at::ScalarType type, Work&& work) {
  if (type == at::kFloat) return work(kernels::Element<float>());
  work(kernels::Element<Bfloat16>());
}

at::Tensor with_whole_vectors(const at::Tensor& x) { return x.stride(3) == 1 ? x : x.contiguous(); }

template <class T>
kernels::Heads<T> heads(const at::Tensor& x_BTHE) {
  return {kernels::data<T>(x_BTHE), x_BTHE.stride(0), x_BTHE.stride(1), x_BTHE.stride(2)};
}

AttentionShape shape_of(const at::Tensor& q, const at::Tensor& k, double scale, const Visibility& visibility,
                        const at::Tensor& bias) {
  const int64_t queries = q.size(1), keys = k.size(1);
  return {.batch = q.size(0),
          .heads = q.size(2),
          .queries = queries,
          .keys = keys,
          .width = q.size(3),
          .key_lengths =
              visibility.key_lengths.defined() ? kernels::data<int64_t>(visibility.key_lengths) : nullptr,
          .causal_shift = visibility.causality == Causality::kCausal ? keys - queries : keys,
          .scale = static_cast<float>(scale),
          .bias = bias.defined() ? kernels::data<float>(bias) : nullptr};
}

// Kept by each thread: memory that is fresh at every call costs more than what is computed in it.
void* scratch(int64_t bytes) {
  thread_local at::Tensor memory;
  if (!memory.defined() || memory.numel() < bytes) memory = at::empty({bytes}, at::kByte);
  return memory.mutable_data_ptr();
}

// The batch in equal parts, each of which sums the gradient of the bias apart: as few as keep all threads at
// work.
int64_t parts_of_batch(const AttentionShape& shape, BiasGradient bias_gradient) {
  if (bias_gradient == BiasGradient::kSkip) return shape.batch;
  const int64_t threads = at::get_num_threads();
  int64_t parts = 1;
  while (parts < shape.batch && shape.heads * parts % threads != 0 && shape.heads * parts < 4 * threads)
    ++parts;
  return parts;
}

}  // namespace

bool has_attention_kernel(const at::Tensor& q) {
  if (!q.is_cpu()) return false;
  return (q.scalar_type() == at::kFloat && kernels::can_attend<float>()) ||
         (q.scalar_type() == at::kBFloat16 && kernels::can_attend<Bfloat16>());
}

KernelAttention kernel_attention(const at::Tensor& q_BTHE, const at::Tensor& k_BSHE, const at::Tensor& v_BSHE,
                                 double scale, const Visibility& visibility, const at::Tensor& bias_HTS) {
  const at::Tensor q = with_whole_vectors(q_BTHE), k = with_whole_vectors(k_BSHE),
                   v = with_whole_vectors(v_BSHE);
  const AttentionShape shape = shape_of(q, k, scale, visibility, bias_HTS);
  KernelAttention made{at::empty(q.sizes(), q.options()),
                       at::empty({shape.batch, shape.heads, shape.queries}, q.options().dtype(at::kFloat))};
  with_kernel(q.scalar_type(), [&]<class T>(kernels::Element<T>) {
    const kernels::AttentionForward<T> work{.shape = shape,
                                            .q = heads<T>(q),
                                            .k = heads<T>(k),
                                            .v = heads<T>(v),
                                            .out = kernels::mutable_data<T>(made.output_BTHE),
                                            .log_sum = kernels::mutable_data<float>(made.log_sum_BHT)};
    // All samples of a head one after the other: they share its bias.
    at::parallel_for(0, shape.heads * shape.batch, 1, [&](int64_t begin, int64_t end) {
      void* memory = scratch(kernels::attention_scratch<T>(shape));
      for (int64_t i = begin; i < end; ++i) kernels::attend(work, i % shape.batch, i / shape.batch, memory);
    });
  });
  return made;
}

portable::AttentionGradients kernel_attention_backward(
    const at::Tensor& gradient_BTHE, const at::Tensor& q_BTHE, const at::Tensor& k_BSHE,
    const at::Tensor& v_BSHE, const KernelAttention& forward, double scale, const Visibility& visibility,
    const at::Tensor& bias_HTS, BiasGradient bias_gradient) {
  const at::Tensor q = with_whole_vectors(q_BTHE), k = with_whole_vectors(k_BSHE),
                   v = with_whole_vectors(v_BSHE);
  const at::Tensor gradient = with_whole_vectors(gradient_BTHE);
  const AttentionShape shape = shape_of(q, k, scale, visibility, bias_HTS);
  const int64_t parts = parts_of_batch(shape, bias_gradient);
  portable::AttentionGradients of{at::empty(q.sizes(), q.options()), at::empty(k.sizes(), k.options()),
                                  at::empty(v.sizes(), v.options()), at::Tensor()};
  if (bias_gradient == BiasGradient::kCompute)
    of.bias_HTS = at::zeros({parts, shape.heads, shape.queries, shape.keys}, bias_HTS.options());
  float* of_bias = of.bias_HTS.defined() ? kernels::mutable_data<float>(of.bias_HTS) : nullptr;
  with_kernel(q.scalar_type(), [&]<class T>(kernels::Element<T>) {
    const kernels::AttentionBackward<T> work{.shape = shape,
                                             .q = heads<T>(q),
                                             .k = heads<T>(k),
                                             .v = heads<T>(v),
                                             .out = heads<T>(forward.output_BTHE),
                                             .of_out = heads<T>(gradient),
                                             .log_sum = kernels::data<float>(forward.log_sum_BHT),
                                             .of_q = kernels::mutable_data<T>(of.q_BTHE),
                                             .of_k = kernels::mutable_data<T>(of.k_BSHE),
                                             .of_v = kernels::mutable_data<T>(of.v_BSHE)};
    at::parallel_for(0, shape.heads * parts, 1, [&](int64_t begin, int64_t end) {
      void* memory = scratch(kernels::attention_scratch<T>(shape));
      for (int64_t i = begin; i < end; ++i) {
        const int64_t h = i / parts, part = i % parts;
        float* sum = of_bias ? of_bias + (part * shape.heads + h) * shape.queries * shape.keys : nullptr;
        for (int64_t b = shape.batch * part / parts; b < shape.batch * (part + 1) / parts; ++b)
          kernels::attend_backward(work, b, h, sum, memory);
      }
    });
  });
  if (of_bias) of.bias_HTS = parts == 1 ? of.bias_HTS[0] : of.bias_HTS.sum(0);
  return of;
}

}  // namespace tandem::model
