// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/data_type.h"

#include <array>
#include <bit>
#include <cstring>

#include "tandem/base/error.h"

namespace tandem::checkpoint {

static_assert(std::endian::native == std::endian::little, "shard files are written as memory holds them");

namespace {

struct TypeFacts {
  DataType type;
  std::string_view name;
  int64_t size_bytes;
};

constexpr std::array<TypeFacts, 4> kTypes{{{DataType::kF32, "F32", 4},
                                           {DataType::kF64, "F64", 8},
                                           {DataType::kBF16, "BF16", 2},
                                           {DataType::kI64, "I64", 8}}};

const TypeFacts& facts(DataType type) {
  for (const TypeFacts& candidate : kTypes)
    if (candidate.type == type) return candidate;
  throw BugError("data type {} has no size", static_cast<int>(type));
}

struct BFloat16 {
  uint16_t bits;
  explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
  explicit operator double() const { return static_cast<float>(*this); }
};

// Buffers come from files at any offset, so elements move by memcpy, which compiles to plain loads.
template <class From, class To>
void convert_elements(std::span<const std::byte> source, std::span<std::byte> target) {
  const size_t count = source.size() / sizeof(From);
  for (size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, source.data() + i * sizeof(From), sizeof(From));
    const To converted = static_cast<To>(value);
    std::memcpy(target.data() + i * sizeof(To), &converted, sizeof(To));
  }
}

}  // namespace

int64_t size_bytes(DataType type) { return facts(type).size_bytes; }

std::string_view name_of(DataType type) { return facts(type).name; }

std::optional<DataType> data_type_named(std::string_view name) {
  for (const TypeFacts& candidate : kTypes)
    if (candidate.name == name) return candidate.type;
  return std::nullopt;
}

bool converts(DataType from, DataType to) {
  return from == to || (from != DataType::kI64 && (to == DataType::kF32 || to == DataType::kF64));
}

void convert(DataType from, std::span<const std::byte> source, DataType to, std::span<std::byte> target) {
  TANDEM_CHECK(converts(from, to), "{} to {}", name_of(from), name_of(to));
  const auto from_bytes = static_cast<size_t>(size_bytes(from)),
             to_bytes = static_cast<size_t>(size_bytes(to));
  TANDEM_CHECK(source.size() % from_bytes == 0 && source.size() / from_bytes * to_bytes == target.size(),
               "{} bytes of {} into {} bytes of {}", source.size(), name_of(from), target.size(),
               name_of(to));
  if (from == to) {
    if (!source.empty()) std::memcpy(target.data(), source.data(), source.size());
  } else if (from == DataType::kF32) {
    convert_elements<float, double>(source, target);
  } else if (from == DataType::kF64) {
    convert_elements<double, float>(source, target);
  } else if (to == DataType::kF32) {
    convert_elements<BFloat16, float>(source, target);
  } else {
    convert_elements<BFloat16, double>(source, target);
  }
}

}  // namespace tandem::checkpoint
