// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "tandem/comm/group.h"
#include "tandem/model/parameter.h"

namespace tandem::model {

/// Returns the table's rows of `ids`: [B, T] int64 -> [B, T, D]. The table's rows are split over the tensor
/// group; all its ranks call, and forward all-reduces B T D elements. Backward adds to table.gradient without
/// communication.
at::Tensor embed(const at::Tensor& ids_BT, Parameter& table, const comm::Group& tensor);

}  // namespace tandem::model
