// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "tandem/checkpoint/file.h"
#include "tandem/layout/slice.h"

namespace tandem::checkpoint {

/// A tensor as the header of a safetensors file describes it.
struct SafetensorsEntry {
  std::string type;  ///< as the format names it: "F32", "BF16", "F16", …
  layout::Shape shape;
  int64_t position = 0;  ///< first byte, counted in the file
  int64_t bytes = 0;
};

/// All that the header of a safetensors file says.
struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;  ///< the texts of `__metadata__`
};

/// Reads the header of a safetensors file, which may come from anywhere, and checks it: a length that the
/// file holds and of at most 100,000,000 bytes, strict JSON, types of the format, sizes that are the product
/// of shape and type, no name twice, no hole, no overlap, no byte left over. Nothing is allocated that is
/// not in the file. InputError names file and entry; EnvironmentError where reading fails.
SafetensorsHeader read_safetensors_header(const File& file);

/// A tensor that a new file will hold.
struct SafetensorsTensor {
  std::string name;
  std::string_view type;
  layout::Shape shape;
};

/// Returns the beginning of a safetensors file, the header's length included, padded so that the data begin
/// on a multiple of 8 bytes. The tensors follow in this order, one right behind the other. BugError where a
/// name is there twice or the format has no such type.
std::string safetensors_header_text(const std::map<std::string, std::string>& metadata,
                                    std::span<const SafetensorsTensor> tensors);

}  // namespace tandem::checkpoint
