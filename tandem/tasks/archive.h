// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace tandem::tasks {

/// Returns a ZIP archive of files at its top level, by name; the values are their bytes. The same files give
/// the same archive: it holds no times. Throws EnvironmentError where memory does not suffice.
std::string zip_archive(const std::map<std::string, std::string>& files);

}  // namespace tandem::tasks
