// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace tandem::observe {

/// Returns this process's resident memory in bytes: now, and the most it ever was.
int64_t resident_bytes();
int64_t peak_resident_bytes();

/// Returns how many cores this process may run on (its affinity), at least 1.
int usable_cores();

/// Returns the processor's name as the kernel gives it, or "unknown processor".
std::string processor_name();

/// Returns the machine's name without its domain, or "localhost".
std::string host_name();

}  // namespace tandem::observe
