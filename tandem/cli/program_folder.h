// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace tandem::cli {

/// Returns the folder that the running program lies in. Throws EnvironmentError where /proc does not tell.
std::filesystem::path program_folder();

}  // namespace tandem::cli
