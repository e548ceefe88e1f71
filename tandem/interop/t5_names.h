// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tandem/layout/slice.h"
#include "tandem/layout/tensor_spec.h"

namespace tandem::interop {

/// A tensor of a T5 model of Hugging Face Transformers, and the part of a tensor of tandem that it is.
struct T5Part {
  std::string name;     ///< as in "decoder.block.1.layer.1.EncDecAttention.k.weight"
  layout::Shape shape;  ///< as Transformers has it
  layout::Slice slice;  ///< of tandem's tensor; its elements are consecutive there
};

/// Returns the tensors of T5 that make up one of model::tensor_table, in order: query, key and value of a
/// fused projection, gate (wi_0) and up (wi_1) of a feed-forward; else one, the whole. BugError for a name
/// that is not of a model with relative bias.
std::vector<T5Part> t5_parts(const layout::TensorSpec& spec);

/// What Transformers names the one table of source, target and tied head. All may be in a file; the first
/// one is what it writes.
inline constexpr const char* kT5Tables[] = {"shared.weight", "encoder.embed_tokens.weight",
                                            "decoder.embed_tokens.weight"};
inline constexpr const char* kT5Head = "lm_head.weight";
/// A table of early files that no version of Transformers uses.
inline constexpr const char* kT5Unused =
    "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";

}  // namespace tandem::interop
