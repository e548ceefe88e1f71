// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "tandem/data/dataset.h"

namespace tandem::data {

/// What the unigram distribution gives.
struct UnigramFigures {
  double nats = 0;  ///< cross-entropy a target token
  uint64_t training_tokens = 0;
  uint64_t validation_tokens = 0;
};

/// Computes the loss of a model that knows nothing but how often each token is a target: -1/N sum over all N
/// target tokens t of validation.fixed(0 .. size) of ln((c(t) + 1) / (C + V)), where c(t) counts t among the
/// C target tokens of training.row(0 .. size), that is of about one pass, masked as in training, and V is the
/// vocabulary. Sentinels and eos count as in the training loss. `progress`, if given, is called after each of
/// the training.size() + validation.size() samples.
UnigramFigures unigram_figures(const Dataset& training, const Dataset& validation,
                               const std::function<void(uint64_t samples)>& progress = {});

}  // namespace tandem::data
