// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tandem::checkpoint {

/// Element types that a checkpoint stores, little-endian as in safetensors.
enum class DataType { kF32, kF64, kBF16, kI64 };

/// Returns the bytes of one element.
int64_t size_bytes(DataType type);

/// Returns the name that safetensors files use: "F32", "F64", "BF16", "I64". Lifetime: static.
std::string_view name_of(DataType type);

/// Returns the type of that name, or nothing.
std::optional<DataType> data_type_named(std::string_view name);

/// Tells whether `convert` can read `from` and write `to`: equal types, F32 <-> F64, BF16 -> F32 or F64.
bool converts(DataType from, DataType to);

/// Writes the elements of `source` as `to`, rounding F64 -> F32 to the nearest, all else exactly. Neither
/// buffer need be aligned; both hold the same number of elements and do not overlap. BugError where
/// `converts` is false.
void convert(DataType from, std::span<const std::byte> source, DataType to, std::span<std::byte> target);

}  // namespace tandem::checkpoint
