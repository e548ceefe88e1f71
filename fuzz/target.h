// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tandem::fuzz {

/// What each program defines: gives an input to the parser and checks what it makes of it. Any exception is a
/// failure.
void take(const std::string& input);

/// What each program defines: changes an input in its place and returns its new size.
size_t mutate(uint8_t* data, size_t size, size_t max_size, unsigned seed);

}  // namespace tandem::fuzz
