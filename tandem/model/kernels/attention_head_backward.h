// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/model/kernels/attention_blocks.h"

/// Gradients of attention of one head of one sample. Included only by files that are compiled for AVX-512.
namespace tandem::model::kernels {
namespace {

template <class Words>
struct BackwardMemory {
  using Word = typename Words::Word;

  BackwardMemory(const AttentionShape& shape, Scratch& scratch)
      : keys(scratch.take<Word>(words_of<Words>(shape.width) * round_up(shape.keys, kPanel))),
        values(scratch.take<Word>(words_of<Words>(shape.width) * round_up(shape.keys, kPanel))),
        key_rows(scratch.take<Word>(words_of<Words>(shape.keys) * round_up(shape.width, kPanel))),
        queries(scratch.take<Word>(kBlock * words_of<Words>(shape.width))),
        of_out(scratch.take<Word>(kBlock * words_of<Words>(shape.width))),
        query_rows(scratch.take<Word>(words_of<Words>(kBlock) * round_up(shape.width, kPanel))),
        of_out_rows(scratch.take<Word>(words_of<Words>(kBlock) * round_up(shape.width, kPanel))),
        probabilities(scratch.take<float>(kBlock * Sizes(shape).keys)),
        of_scores(scratch.take<float>(kBlock * Sizes(shape).keys)),
        of_q(scratch.take<float>(kBlock * Sizes(shape).width)),
        of_k(scratch.take<float>(Sizes(shape).keys * Sizes(shape).width)),
        of_v(scratch.take<float>(Sizes(shape).keys * Sizes(shape).width)) {
    if constexpr (Words::kNumbers == 2) {
      probability_pairs = scratch.take<Word>(kBlock / 2 * Sizes(shape).keys);
      of_score_pairs = scratch.take<Word>(kBlock / 2 * Sizes(shape).keys);
      of_score_rows = scratch.take<Word>(kBlock * Sizes(shape).keys / 2);
    }
  }
  Word *keys, *values, *key_rows;                         // of the head
  Word *queries, *of_out, *query_rows, *of_out_rows;      // of the block
  float *probabilities, *of_scores, *of_q, *of_k, *of_v;  // rows of Sizes
  Word *probability_pairs = nullptr, *of_score_pairs = nullptr, *of_score_rows = nullptr;
};

// The transposed operands' rows are keys: they are computed in whole tiles, and what a tile adds beyond the
// block's keys must be zero, for a later block may see those keys.
TANDEM_INLINE int64_t padded_keys(Block block) { return round_up(block.keys, kVector * kTileRows / 2); }

/// The gradient of the block's scores and the probabilities, as left operands.
template <class Word>
struct Operands {
  Left<Word> probabilities_transposed, of_scores_transposed, of_scores;
};

TANDEM_INLINE Operands<float> operands(const BackwardMemory<FloatWords>& memory, int64_t row, Block) {
  return {{memory.probabilities, 1, row}, {memory.of_scores, 1, row}, {memory.of_scores, row, 1}};
}

#ifdef __AVX512BF16__
TANDEM_INLINE __m512i pairs(const float* first, const float* second) {
  const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(first)));
  const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(second)));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

inline Operands<uint32_t> operands(const BackwardMemory<PairWords>& memory, int64_t row, Block block) {
  const int64_t padded = padded_keys(block);
  for (int64_t t = 0; t < round_up(block.rows(), 2); t += 2) {
    const float *p = memory.probabilities + t * row, *d = memory.of_scores + t * row;
    uint32_t *p_pairs = memory.probability_pairs + t / 2 * row,
             *d_pairs = memory.of_score_pairs + t / 2 * row;
    auto* d_rows = reinterpret_cast<Bfloat16*>(memory.of_score_rows) + t * row;
    for (int64_t s = 0; s < padded; s += kVector) {
      _mm512_storeu_si512(p_pairs + s, pairs(p + s, p + row + s));
      _mm512_storeu_si512(d_pairs + s, pairs(d + s, d + row + s));
      store(d_rows + s, _mm512_loadu_ps(d + s));
      store(d_rows + row + s, _mm512_loadu_ps(d + row + s));
    }
  }
  return {{memory.probability_pairs, 1, row},
          {memory.of_score_pairs, 1, row},
          {memory.of_score_rows, row / 2, 1}};
}
#endif

/// Leaves the block's probabilities and the gradient of its scores in `memory`; rows up to an even number are
/// zero.
template <class Words>
void block_scores(const AttentionBackward<typename Words::Element>& work, int64_t b, int64_t h, Block block,
                  float* of_bias, const BackwardMemory<Words>& memory) {
  const AttentionShape& shape = work.shape;
  const Sizes sizes(shape);
  const int64_t length = shape.key_length(b), depth = words_of<Words>(shape.width);
  const int64_t padded = padded_keys(block);
  const Extent extent{block.rows(), round_up(block.keys, kVector), depth};
  multiply<Words, Into::kEmpty>({memory.queries, depth, 1}, {memory.keys, depth},
                                {memory.probabilities, sizes.keys}, extent);
  multiply<Words, Into::kEmpty>({memory.of_out, depth, 1}, {memory.values, depth},
                                {memory.of_scores, sizes.keys}, extent);
  for (int64_t t = block.begin; t < block.begin + round_up(block.rows(), 2); ++t) {
    const int64_t row = (t - block.begin) * sizes.keys, place = (h * shape.queries + t) * shape.keys;
    if (t == block.end) {
      gradient_of_row(memory.probabilities + row, memory.of_scores + row, nullptr, nullptr, 0, padded, {});
      break;
    }
    gradient_of_row(memory.probabilities + row, memory.of_scores + row,
                    shape.bias ? shape.bias + place : nullptr, of_bias ? of_bias + t * shape.keys : nullptr,
                    seen(shape, length, t), padded,
                    {.scale = shape.scale,
                     .log_sum = work.log_sum[(b * shape.heads + h) * shape.queries + t],
                     .pull = dot(work.of_out.row(b, t, h), work.out.row(b, t, h), shape.width)});
  }
}

template <class Words>
void backward_block(const AttentionBackward<typename Words::Element>& work, int64_t b, int64_t h, Block block,
                    float* of_bias, const BackwardMemory<Words>& memory) {
  const AttentionShape& shape = work.shape;
  const Sizes sizes(shape);
  const int64_t deep = words_of<Words>(block.rows());
  const auto q = rows_of(work.q, shape, b, h, block.begin, block.end);
  const auto of_out = rows_of(work.of_out, shape, b, h, block.begin, block.end);
  pack_left<Words>(q, memory.queries);
  pack_left<Words>(of_out, memory.of_out);
  pack_rows<Words>(q, memory.query_rows);
  pack_rows<Words>(of_out, memory.of_out_rows);
  block_scores<Words>(work, b, h, block, of_bias, memory);

  const auto left = operands(memory, sizes.keys, block);
  const Extent of_keys{block.keys, sizes.width, deep};
  multiply<Words, Into::kSum>(left.probabilities_transposed, {memory.of_out_rows, deep},
                              {memory.of_v, sizes.width}, of_keys);
  multiply<Words, Into::kSum>(left.of_scores_transposed, {memory.query_rows, deep},
                              {memory.of_k, sizes.width}, of_keys);
  multiply<Words, Into::kEmpty>(left.of_scores, {memory.key_rows, words_of<Words>(shape.key_length(b))},
                                {memory.of_q, sizes.width},
                                {block.rows(), sizes.width, words_of<Words>(block.keys)});
  const int64_t stride = shape.heads * shape.width;
  write_rows(memory.of_q, sizes.width,
             work.of_q + (b * shape.queries + block.begin) * stride + h * shape.width, stride, block.rows(),
             shape.width, shape.scale);
}

template <class Words>
void backward_head(const AttentionBackward<typename Words::Element>& work, int64_t b, int64_t h,
                   float* of_bias, void* scratch) {
  const AttentionShape& shape = work.shape;
  const Sizes sizes(shape);
  Scratch parts(scratch);
  const BackwardMemory<Words> memory(shape, parts);
  const int64_t length = shape.key_length(b), stride = shape.heads * shape.width;
  pack_transposed<Words>(rows_of(work.k, shape, b, h, 0, length), memory.keys);
  pack_transposed<Words>(rows_of(work.v, shape, b, h, 0, length), memory.values);
  pack_rows<Words>(rows_of(work.k, shape, b, h, 0, length), memory.key_rows);
  const auto bytes = static_cast<size_t>(sizes.keys * sizes.width) * sizeof(float);
  std::memset(memory.of_k, 0, bytes);
  std::memset(memory.of_v, 0, bytes);
  for (int64_t t = 0; t < shape.queries; t += kBlock)
    backward_block<Words>(work, b, h, block_at(shape, length, t), of_bias, memory);
  auto* of_k = work.of_k + b * shape.keys * stride + h * shape.width;
  auto* of_v = work.of_v + b * shape.keys * stride + h * shape.width;
  // Hidden keys got nothing: their rows are still zero.
  write_rows(memory.of_k, sizes.width, of_k, stride, shape.keys, shape.width, shape.scale);
  write_rows(memory.of_v, sizes.width, of_v, stride, shape.keys, shape.width, 1.0F);
}

}  // namespace
}  // namespace tandem::model::kernels
