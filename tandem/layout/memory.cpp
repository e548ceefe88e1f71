// SPDX-License-Identifier: Apache-2.0
#include "tandem/layout/memory.h"

#include "tandem/base/error.h"

namespace tandem::layout {

MemoryBytes rank_bytes(const std::vector<TensorSpec>& specs, const MemoryRules& rules) {
  TANDEM_CHECK(rules.tensor_ranks >= 1 && rules.optimizer_ranks >= 1);
  int64_t elements = 0;
  for (const TensorSpec& spec : specs)
    if (spec.is_on(rules.stage)) elements += num_elements(local_shape(spec, rules.tensor_ranks));
  const int64_t own = (elements + rules.optimizer_ranks - 1) / rules.optimizer_ranks;
  const bool separate_masters = rules.compute_bytes != rules.accumulation_bytes;
  return {.values = elements * rules.compute_bytes,
          .gradients = elements * rules.accumulation_bytes,
          .optimizer = own * rules.accumulation_bytes * (separate_masters ? 3 : 2)};
}

}  // namespace tandem::layout
