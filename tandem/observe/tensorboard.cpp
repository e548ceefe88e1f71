// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/tensorboard.h"

#include <bit>
#include <chrono>
#include <span>

#include <fmt/format.h>

#include "tandem/base/crc32c.h"
#include "tandem/observe/host.h"

namespace tandem::observe {
namespace {

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
constexpr int kSummaryValue = 1, kTag = 1, kSimpleValue = 2, kSessionStatus = 1;
constexpr uint64_t kSessionStart = 1;

/// Builds a protocol buffer message.
class Message {
 public:
  Message& varint(int field, uint64_t value) {
    key(field, 0);
    return raw_varint(value);
  }
  Message& fixed64(int field, double value) {
    key(field, 1);
    return little_endian(std::bit_cast<uint64_t>(value), 8);
  }
  Message& fixed32(int field, float value) {
    key(field, 5);
    return little_endian(std::bit_cast<uint32_t>(value), 4);
  }
  Message& bytes(int field, std::string_view value) {
    key(field, 2);
    raw_varint(value.size());
    text_ += value;
    return *this;
  }
  Message& little_endian(uint64_t value, int count) {
    for (int i = 0; i < count; ++i) text_ += static_cast<char>(value >> 8 * i);
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  void key(int field, uint64_t type) { raw_varint(static_cast<uint64_t>(field) << 3 | type); }
  Message& raw_varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
    text_ += static_cast<char>(value);
    return *this;
  }
  std::string text_;
};

uint32_t masked_crc32c(std::string_view bytes) {
  return std::rotr(crc32c(std::as_bytes(std::span(bytes))), 15) + 0xA282EAD8u;
}

std::chrono::nanoseconds since_epoch() { return std::chrono::system_clock::now().time_since_epoch(); }

Message new_event() {
  Message event;
  event.fixed64(kWallTime, std::chrono::duration<double>(since_epoch()).count());
  return event;
}

std::filesystem::path new_path(const std::filesystem::path& directory) {
  // TensorBoard reads the files of a folder in the order of their names: the time comes first, in full.
  const int64_t now = since_epoch().count();
  return directory / fmt::format("events.out.tfevents.{:010}.{:09}.{}", now / 1'000'000'000,
                                 now % 1'000'000'000, host_name());
}

}  // namespace

std::string frame_record(std::string_view bytes) {
  Message length;
  length.little_endian(bytes.size(), 8);
  Message frame = length;
  frame.little_endian(masked_crc32c(length.text()), 4);
  Message tail;
  tail.little_endian(masked_crc32c(bytes), 4);
  return std::string(frame.text()).append(bytes).append(tail.text());
}

EventWriter::EventWriter(const std::filesystem::path& directory, int64_t last_step)
    : file_(new_path(directory)) {
  file_.append(frame_record(new_event().bytes(kFileVersion, "brain.Event:2").text()));
  const auto next_step = static_cast<uint64_t>(last_step + 1);
  const Message start = Message().varint(kSessionStatus, kSessionStart);
  file_.append(frame_record(new_event().varint(kStep, next_step).bytes(kSessionLog, start.text()).text()));
  file_.flush();
}

void EventWriter::write(int64_t step, const std::vector<Scalar>& scalars) {
  Message summary;
  for (const Scalar& scalar : scalars) {
    const Message value =
        Message().bytes(kTag, scalar.tag).fixed32(kSimpleValue, static_cast<float>(scalar.value));
    summary.bytes(kSummaryValue, value.text());
  }
  const Message event =
      new_event().varint(kStep, static_cast<uint64_t>(step)).bytes(kSummary, summary.text());
  file_.append(frame_record(event.text()));
}

}  // namespace tandem::observe
