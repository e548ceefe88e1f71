// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tandem/comm/group.h"
#include "tandem/layout/mesh.h"
#include "tandem/parallel/bucket_storage.h"

namespace tandem::parallel {

/// Returns the 2-norm of the whole model's reduced gradient, each parameter counted once: of the rank's own
/// parts, those of tensors that it owns (the first of the stages that share one; tensor rank 0 of a
/// replicated one). All ranks of the world call; one all-reduce of one fp64 number. Not finite if any
/// gradient is not.
double gradient_norm(const BucketStorage& storage, const layout::MeshCoordinate& place,
                     const comm::Group& world);

/// Names the tensors whose own part holds a NaN or an infinity. Local.
std::vector<std::string> non_finite_gradients(const BucketStorage& storage,
                                              const layout::MeshCoordinate& place);

/// Multiplies the gradients of the rank's own parts. Local.
void scale_gradients(BucketStorage& storage, const layout::MeshCoordinate& place, double factor);

}  // namespace tandem::parallel
