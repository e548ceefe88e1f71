// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/rank_report.h"
#include "tandem/layout/tensor_spec.h"

namespace tandem::checkpoint {

/// Joins what all ranks wrote, in order of rank, into the manifest of the step, saved now. BugError where
/// ranks contradict each other; coverage is left to the parser.
Manifest manifest_of(const StepDescription& description, const std::vector<layout::TensorSpec>& tensors,
                     const std::vector<RankReport>& reports);

}  // namespace tandem::checkpoint
