// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace tandem {

/// Calls work(0) … work(threads - 1) at once, the first on the calling thread, and waits for all. Rethrows
/// what one of them threw, the lowest-numbered if several did.
void run_on_threads(int threads, const std::function<void(size_t thread)>& work);

}  // namespace tandem
