// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/infer/loaded_model.h"

namespace tandem::infer {

/// A source and the targets in question; all are used as they are, nothing is appended.
struct CandidatesRequest {
  Ids source;
  std::vector<Ids> candidates;  ///< all different, each of at least one id
};

/// What a call holds at once, at most; a single row may be more.
struct ScoringLimits {
  int64_t positions = 4096;     ///< of a batch in the encoder or decoder
  int64_t logits = 16'777'216;  ///< elements
};

/// Returns for each request, of each candidate, the log-probability of each id given the source and the
/// candidate's ids before it: what `score` gives for the source and the candidate. Sources are encoded in
/// batches, shortest first, and decoded in batches, each row in one pass over the tree of its candidates;
/// with a bias of heads x nodes^2, one a row unless a batch's lists are all equal. One result a request, each
/// independent of the others. InputError for an empty source, no candidates, an empty candidate or two
/// equal ones, ids outside the vocabulary, and outputs that are not finite.
std::vector<std::vector<std::vector<double>>> score_candidates(const LoadedModel& loaded,
                                                               const std::vector<CandidatesRequest>& requests,
                                                               const ScoringLimits& limits = {});

}  // namespace tandem::infer
