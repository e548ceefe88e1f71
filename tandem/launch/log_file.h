// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tandem/base/descriptor.h"

namespace tandem::launch {

/// Makes the folder of `--log-dir` if needed and opens a file of that name in it for appending. Throws
/// InputError where another folder is needed, EnvironmentError where this one may do later.
Descriptor open_log_file(const std::string& folder, const std::string& name);

}  // namespace tandem::launch
