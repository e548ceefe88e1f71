// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "tandem/checkpoint/byte_progress.h"

namespace tandem::cli {

/// Does long work of this process alone under a bar over its bytes, so that SIGINT and SIGTERM end it in
/// order: once one came, the progress that `work` reports throws, for it to unwind and remove what is
/// unfinished. Throws EnvironmentError `interrupted …` then. A second signal does what it did before; a
/// signal that was ignored before stays so. What else `work` throws comes through. One call at a time.
void do_long_work(const std::string& label,
                  const std::function<void(const checkpoint::ByteProgress& progress)>& work);

}  // namespace tandem::cli
