// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "tandem/base/error.h"
#include "tandem/checkpoint/data_type.h"

namespace tandem::checkpoint {
namespace {

template <class To, class From>
std::vector<To> converted(DataType from, const std::vector<From>& source, DataType to) {
  std::vector<To> target(source.size());
  convert(from, std::as_bytes(std::span(source)), to, std::as_writable_bytes(std::span(target)));
  return target;
}

TEST(DataType, NamesAreThoseOfSafetensors) {
  for (const DataType type : {DataType::kF32, DataType::kF64, DataType::kBF16, DataType::kI64})
    EXPECT_EQ(data_type_named(name_of(type)), type);
  EXPECT_EQ(name_of(DataType::kBF16), "BF16");
  EXPECT_EQ(size_bytes(DataType::kBF16), 2);
  EXPECT_EQ(data_type_named("F16"), std::nullopt);
}

TEST(DataType, WideningIsExactAndNarrowingRoundsToNearest) {
  const std::vector<float> narrow{0.1f, -3e-40f, std::numeric_limits<float>::infinity()};
  EXPECT_EQ((converted<double>(DataType::kF32, narrow, DataType::kF64)),
            (std::vector<double>{double{0.1f}, double{-3e-40f}, std::numeric_limits<double>::infinity()}));
  EXPECT_EQ((converted<float>(DataType::kF64, std::vector<double>{0.1, 1 + 0x1p-25}, DataType::kF32)),
            (std::vector<float>{0.1f, 1.0f}));
}

TEST(DataType, BFloat16IsTheUpperHalfOfAFloat) {
  const std::vector<uint16_t> bits{0x3F80, 0xC040, 0x7F80, 0x0001};  // 1, -3, infinity, the smallest
  EXPECT_EQ((converted<float>(DataType::kBF16, bits, DataType::kF32)),
            (std::vector<float>{1, -3, std::numeric_limits<float>::infinity(), 0x1p-133f}));
  EXPECT_EQ((converted<double>(DataType::kBF16, bits, DataType::kF64))[3], 0x1p-133);
  EXPECT_TRUE(
      std::isnan(converted<float>(DataType::kBF16, std::vector<uint16_t>{0x7FC0}, DataType::kF32)[0]));
}

TEST(DataType, BuffersMayLieAnywhere) {
  std::vector<std::byte> source(1 + 2 * 4), target(3 + 2 * 8);
  const std::vector<float> values{1.25f, -8.5f};
  std::ranges::copy(std::as_bytes(std::span(values)), source.begin() + 1);
  convert(DataType::kF32, std::span(source).subspan(1), DataType::kF64, std::span(target).subspan(3));
  const std::vector<double> wide{1.25, -8.5};
  EXPECT_TRUE(std::ranges::equal(std::span(target).subspan(3), std::as_bytes(std::span(wide))));
}

TEST(DataType, IntegersAndFloatsDoNotConvert) {
  EXPECT_FALSE(converts(DataType::kI64, DataType::kF64));
  EXPECT_FALSE(converts(DataType::kF32, DataType::kI64));
  EXPECT_FALSE(converts(DataType::kF32, DataType::kBF16));
  EXPECT_TRUE(converts(DataType::kI64, DataType::kI64));
  std::vector<std::byte> bytes(8);
  EXPECT_THROW(convert(DataType::kI64, bytes, DataType::kF64, bytes), BugError);
}

}  // namespace
}  // namespace tandem::checkpoint
