// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>
#include <map>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/observe/tensorboard.h"
#include "temporary_folder.h"

namespace tandem::observe {
namespace {

// A decoder of its own: bitwise CRC32C (reflected polynomial 0x82F63B78) and a plain reader of the wire
// format.
uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
  }
  return ~crc;
}

uint32_t masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xA282EAD8u; }

template <typename T>
T load(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::vector<std::string> read_records(std::string_view file) {
  std::vector<std::string> records;
  while (!file.empty()) {
    const auto size = load<uint64_t>(file);
    EXPECT_EQ(load<uint32_t>(file.substr(8)), masked(crc32c(file.substr(0, 8))));
    const std::string_view data = file.substr(12, size);
    EXPECT_EQ(load<uint32_t>(file.substr(12 + size)), masked(crc32c(data)));
    records.emplace_back(data);
    file.remove_prefix(16 + size);
  }
  return records;
}

/// Field number -> values; varints as decimal text, the others as their bytes.
using Fields = std::multimap<uint64_t, std::string>;

uint64_t take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.at(0));
    bytes.remove_prefix(1);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
}

Fields decode(std::string_view bytes) {
  Fields fields;
  while (!bytes.empty()) {
    const uint64_t key = take_varint(bytes);
    if ((key & 7) == 0) {
      fields.emplace(key >> 3, std::to_string(take_varint(bytes)));
      continue;
    }
    const size_t size = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : take_varint(bytes);
    fields.emplace(key >> 3, bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return fields;
}

std::string only(const Fields& fields, uint64_t number) {
  EXPECT_EQ(fields.count(number), 1u) << number;
  return fields.find(number)->second;
}

TEST(EventRecord, ChecksumIsCrc32cInitialisedAndInvertedAsPublished) {
  // RFC 3720 appendix B.4: CRC32C of 32 zero bytes is 0x8A9136AA.
  const std::string frame = frame_record(std::string(32, '\0'));
  EXPECT_EQ(load<uint32_t>(std::string_view(frame).substr(12 + 32)), masked(0x8A9136AAu));
}

TEST(EventWriter, WritesScalarsThatAnIndependentDecoderReads) {
  const TemporaryFolder folder;
  EventWriter writer(folder / "events", 0);
  writer.write(1, {{"train/loss", 5.25}, {"train/learning_rate", 1e-3}});
  writer.write(300, {{"validation/loss", std::nan("")}});
  const std::vector<std::string> records = read_records(read_file(writer.path()));
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(only(decode(records[0]), 3), "brain.Event:2");

  const Fields first = decode(records[2]);
  EXPECT_EQ(only(first, 2), "1");
  EXPECT_GT(load<double>(only(first, 1)), 1.7e9);
  const Fields summary = decode(only(first, 5));
  ASSERT_EQ(summary.count(1), 2u);
  const Fields loss = decode(summary.find(1)->second), rate = decode(std::next(summary.find(1))->second);
  EXPECT_EQ(only(loss, 1), "train/loss");
  EXPECT_EQ(load<float>(only(loss, 2)), 5.25f);
  EXPECT_EQ(only(rate, 1), "train/learning_rate");
  EXPECT_EQ(load<float>(only(rate, 2)), 1e-3f);

  const Fields second = decode(records[3]);
  EXPECT_EQ(only(second, 2), "300");
  EXPECT_TRUE(std::isnan(load<float>(only(decode(only(decode(only(second, 5)), 1)), 2))));
}

TEST(EventWriter, TellsTensorBoardWhereAResumedRunGoesOn) {
  const TemporaryFolder folder;
  const EventWriter first(folder.path(), 0);
  const EventWriter second(folder.path(), 50);
  EXPECT_LT(first.path().filename(), second.path().filename());
  const Fields start = decode(read_records(read_file(second.path())).at(1));
  EXPECT_EQ(only(start, 2), "51");
  EXPECT_EQ(only(decode(only(start, 7)), 1), "1");
}

}  // namespace
}  // namespace tandem::observe
