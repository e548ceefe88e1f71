// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace tandem::interop {

/// Writes IEEE 754 binary16 elements as binary32, each exactly. Both little-endian, neither need be aligned;
/// `target` has twice the bytes.
void widen_half(std::span<const std::byte> source, std::span<std::byte> target);

}  // namespace tandem::interop
