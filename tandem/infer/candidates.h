// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/infer/loaded_model.h"

namespace tandem::infer {

/// What may stand in a gap.
struct Filling {
  Ids ids;                     ///< without the terminator; may be empty
  int32_t terminator = 0;      ///< the likelier of the next sentinel and eos
  double log_probability = 0;  ///< of ids and terminator, given what stands before them
};

struct FillingOptions {
  int64_t count = 5;       ///< fillings wanted a gap
  int64_t max_tokens = 8;  ///< of a filling, terminator not counted
  /// Beams that go on at each step. 0: twice `count`, at least 16.
  int64_t beams = 0;
};

/// Finds the likeliest fillings of each gap of a source, best first: a beam search from the gap's sentinel up
/// to the next one or eos. A filling has no pad and no sentinel; of equal ones the better beam's and the
/// lower id's comes first; there are fewer than `count` only where the vocabulary gives no more. Gaps are the
/// sentinels of the source in their order; those before the gap in question are filled greedily. InputError
/// for a source without sentinels or with one twice, and as `encode` does.
std::vector<std::vector<Filling>> fill_gaps(const LoadedModel& loaded, const Ids& source,
                                            const FillingOptions& options);

}  // namespace tandem::infer
