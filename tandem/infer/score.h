// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tandem/infer/loaded_model.h"

namespace tandem::infer {

/// A source and what is asked for after it; both are used as they are, nothing is appended.
struct ScoreRequest {
  Ids source;
  Ids target;  ///< at least one id
};

/// Returns the log-probability of each target id given the source and the target ids before it, in one pass
/// of the decoder. One result a request, each independent of the others. InputError for an empty source or
/// target and for ids outside the vocabulary.
std::vector<std::vector<double>> score(const LoadedModel& loaded, const std::vector<ScoreRequest>& requests);

}  // namespace tandem::infer
