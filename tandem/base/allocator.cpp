// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/allocator.h"

#include <climits>

#include <malloc.h>

namespace tandem {

void tune_allocator() {
  // No block of its own mapping, which would go back as soon as it is freed; no trimming; growth in large
  // steps.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace tandem
