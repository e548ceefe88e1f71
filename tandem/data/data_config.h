// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tandem/base/field.h"

namespace tandem::data {

/// What is read, and how long a sample is.
struct DataConfig {
  Sources train;
  Sources validation;  ///< Empty: no evaluation.
  int64_t source_length = 0;
  int64_t target_length = 0;
  std::optional<std::string> tokenizer;
  std::optional<int64_t> pad;  ///< This and the next three: unset means as the data or the tokenizer says.
  std::optional<int64_t> eos;
  std::optional<int64_t> first_sentinel;
  std::optional<int64_t> sentinel_count;

  bool operator==(const DataConfig&) const = default;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("train", train,
      Field{.help = "encoded data (PREFIX of PREFIX.bin), and .jsonl files of given pairs {source, target}",
            .required = true});
    v("validation", validation,
      Field{.help = "held-out data, in the same forms", .default_text = "none: no evaluation"});
    v("source_length", source_length,
      Field{.help = "longest encoder input",
            .unit = "tokens",
            .minimum = 2,
            .maximum = 1 << 24,
            .required = true});
    v("target_length", target_length,
      Field{.help = "longest decoder input",
            .unit = "tokens",
            .minimum = 2,
            .maximum = 1 << 24,
            .required = true});
    v("tokenizer", tokenizer,
      Field{.help = "SentencePiece model", .default_text = "PREFIX.tokenizer.model beside the data"});
    v("pad", pad, id_field("padding, and what the decoder starts with"));
    v("eos", eos, id_field("end of a sequence"));
    v("first_sentinel", first_sentinel, id_field("the highest sentinel; further ones descend"));
    v("sentinel_count", sentinel_count, id_field("number of sentinels"));
  }

 private:
  static constexpr Field id_field(std::string_view help) {
    return {
        .help = help, .minimum = 0, .maximum = 1 << 24, .default_text = "as the data or the tokenizer says"};
  }
};

/// What is asked of the model.
enum class ObjectiveKind {
  kSpan,     ///< Masked spans replaced by sentinels and predicted (Raffel et al., JMLR 21, section 3.1.4).
  kMlm,      ///< The same with spans of one token.
  kSeq2seq,  ///< Given pairs of source and target, and nothing else; they may stand beside masked data too.
};
constexpr auto choices(ObjectiveKind) {
  return std::array{Choice<ObjectiveKind>{"span", ObjectiveKind::kSpan},
                    Choice<ObjectiveKind>{"mlm", ObjectiveKind::kMlm},
                    Choice<ObjectiveKind>{"seq2seq", ObjectiveKind::kSeq2seq}};
}

struct ObjectiveConfig {
  ObjectiveKind kind = ObjectiveKind::kSpan;
  double mask_fraction = 0.15;
  double mean_span_length = 3;

  bool operator==(const ObjectiveConfig&) const = default;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("kind", kind, Field{.help = "of encoded data masked spans or masked tokens; or given pairs alone"});
    v("mask_fraction", mask_fraction,
      Field{.help = "share of tokens that is masked (span, mlm)", .minimum = 0.001, .maximum = 0.9});
    v("mean_span_length", mean_span_length,
      Field{.help = "mean length of a masked span (span)", .unit = "tokens", .minimum = 1, .maximum = 1000});
  }
};

}  // namespace tandem::data
