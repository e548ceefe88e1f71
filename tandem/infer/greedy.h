// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/infer/loaded_model.h"

namespace tandem::infer {

/// What came out for one source.
struct Generated {
  Ids ids;                                ///< without the start token; with eos if it was produced
  std::vector<double> log_probabilities;  ///< of each id
};

/// Takes the likeliest id at each step, until eos or `max_new_tokens` (eos included; at least 1): what HF's
/// generate gives with do_sample=False, num_beams=1 and that max_new_tokens. Of equal ones the lowest id. One
/// result a source, each independent of the others. Throws InputError as `encode` does.
std::vector<Generated> generate_greedy(const LoadedModel& loaded, const std::vector<Ids>& sources,
                                       int64_t max_new_tokens);

}  // namespace tandem::infer
