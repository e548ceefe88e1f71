// SPDX-License-Identifier: Apache-2.0
// An input is the beginning of a safetensors file. It is read as it is, and once more as a file that is as
// long as its header says, up to the longest there can be.
#include "tandem/checkpoint/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <nlohmann/json.hpp>

#include "fuzz/json_mutator.h"
#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"

namespace {

using namespace tandem::checkpoint;
using nlohmann::json;

constexpr size_t kLengthBytes = 8;

void read(tandem::fuzz::MemoryFile& memory, const std::string& content, int64_t bytes) {
  memory.write(content, bytes);
  const File file = File::open(memory.path(), Links::kFollow);
  SafetensorsHeader header;
  try {
    header = read_safetensors_header(file);
  } catch (const tandem::InputError&) {
    return;
  }
  int64_t data = 0, first = file.size();
  for (const auto& [name, entry] : header.entries) {
    TANDEM_CHECK(entry.position >= 10 && entry.bytes >= 0 && entry.bytes <= file.size() - entry.position,
                 "{}", name);
    data += entry.bytes;
    first = std::min(first, entry.position);
  }
  TANDEM_CHECK(data == file.size() - first, "{} of {} bytes behind byte {}", data, file.size(), first);
}

// The end of the data by the header's own word, or the file's size as it is.
int64_t claimed_bytes(const std::string& content) {
  int64_t end = 0;
  try {
    const json header =
        tandem::parse_strict_json(content.substr(std::min(content.size(), kLengthBytes)), "input");
    for (const json& entry : header)
      if (entry.is_object() && entry.contains("data_offsets") && entry["data_offsets"].is_array())
        for (const json& offset : entry["data_offsets"])
          if (offset.is_number_unsigned() && offset.get<uint64_t>() <= uint64_t{1} << 62)
            end = std::max(end, offset.get<int64_t>());
  } catch (const tandem::InputError&) {
  }
  return std::ssize(content) + end;
}

}  // namespace

void tandem::fuzz::take(const std::string& input) {
  static tandem::fuzz::MemoryFile memory;
  read(memory, input, std::ssize(input));
  if (const int64_t bytes = claimed_bytes(input); bytes != std::ssize(input)) read(memory, input, bytes);
}

// Mostly keeps the length before the header right.
size_t tandem::fuzz::mutate(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  if (size < kLengthBytes || max_size <= kLengthBytes || seed % 8 == 0)
    return LLVMFuzzerMutate(data, size, max_size);
  const uint64_t length =
      mutate_json(data + kLengthBytes, size - kLengthBytes, max_size - kLengthBytes, seed / 8);
  std::memcpy(data, &length, kLengthBytes);
  return kLengthBytes + length;
}
