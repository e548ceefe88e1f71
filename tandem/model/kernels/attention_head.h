// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/model/kernels/attention_blocks.h"

/// Attention of one head of one sample. Included only by files that are compiled for AVX-512.
namespace tandem::model::kernels {
namespace {

template <class Words>
struct ForwardMemory {
  using T = typename Words::Element;
  using Word = typename Words::Word;

  ForwardMemory(const AttentionShape& shape, Scratch& scratch)
      : keys(scratch.take<Word>(words_of<Words>(shape.width) * round_up(shape.keys, kPanel))),
        values(scratch.take<Word>(words_of<Words>(shape.keys) * round_up(shape.width, kPanel))),
        queries(scratch.take<Word>(kBlock * words_of<Words>(shape.width))),
        scores(scratch.take<float>(kBlock * Sizes(shape).keys)),
        exponentials(scratch.take<T>(kBlock * Sizes(shape).keys)),
        output(scratch.take<float>(kBlock * Sizes(shape).width)) {}
  Word *keys, *values, *queries;
  float* scores;
  T* exponentials;
  float* output;
};

template <class Words>
void forward_block(const AttentionForward<typename Words::Element>& work, int64_t b, int64_t h, Block block,
                   const ForwardMemory<Words>& memory) {
  using T = typename Words::Element;
  using Word = typename Words::Word;
  const AttentionShape& shape = work.shape;
  const Sizes sizes(shape);
  const int64_t length = shape.key_length(b), depth = words_of<Words>(shape.width);
  const int64_t padded = round_up(block.keys, kVector);
  pack_left<Words>(rows_of(work.q, shape, b, h, block.begin, block.end), memory.queries);
  multiply<Words, Into::kEmpty>({memory.queries, depth, 1}, {memory.keys, depth}, {memory.scores, sizes.keys},
                                {block.rows(), padded, depth});
  float sums[kBlock];
  for (int64_t t = block.begin; t < block.end; ++t) {
    const int64_t row = t - block.begin;
    const float* bias = shape.bias ? shape.bias + (h * shape.queries + t) * shape.keys : nullptr;
    const SoftmaxRow softmax =
        exponentials_of_row(memory.scores + row * sizes.keys, bias, memory.exponentials + row * sizes.keys,
                            seen(shape, length, t), padded, shape.scale);
    sums[row] = softmax.sum;
    work.log_sum[(b * shape.heads + h) * shape.queries + t] = softmax.largest + __builtin_logf(softmax.sum);
  }
  const auto* left = reinterpret_cast<const Word*>(memory.exponentials);
  multiply<Words, Into::kEmpty>({left, sizes.keys / Words::kNumbers, 1},
                                {memory.values, words_of<Words>(length)}, {memory.output, sizes.width},
                                {block.rows(), sizes.width, words_of<Words>(block.keys)});
  T* out = work.out + ((b * shape.queries + block.begin) * shape.heads + h) * shape.width;
  for (int64_t row = 0; row < block.rows(); ++row)
    write_rows(memory.output + row * sizes.width, sizes.width, out + row * shape.heads * shape.width, 0, 1,
               shape.width, 1 / sums[row]);
}

template <class Words>
void forward_head(const AttentionForward<typename Words::Element>& work, int64_t b, int64_t h,
                  void* scratch) {
  const AttentionShape& shape = work.shape;
  Scratch parts(scratch);
  const ForwardMemory<Words> memory(shape, parts);
  const int64_t length = shape.key_length(b);
  pack_transposed<Words>(rows_of(work.k, shape, b, h, 0, length), memory.keys);
  pack_rows<Words>(rows_of(work.v, shape, b, h, 0, length), memory.values);
  for (int64_t t = 0; t < shape.queries; t += kBlock)
    forward_block<Words>(work, b, h, block_at(shape, length, t), memory);
}

}  // namespace
}  // namespace tandem::model::kernels
