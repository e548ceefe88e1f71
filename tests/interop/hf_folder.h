// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tests/checkpoint/scratch_folder.h"

namespace tandem::testing {

/// A tensor of a safetensors file.
struct HfTensorBytes {
  std::string type;
  std::vector<int64_t> shape;
  std::string bytes;
  bool operator==(const HfTensorBytes&) const = default;
};
using HfTensors = std::map<std::string, HfTensorBytes>;

inline void add_safetensors(const std::filesystem::path& path, HfTensors& tensors) {
  const std::string file = read_file(path);
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  const nlohmann::json header = nlohmann::json::parse(file.substr(8, length));
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const auto offsets = entry.at("data_offsets").get<std::vector<uint64_t>>();
    tensors[name] = {entry.at("dtype"), entry.at("shape"),
                     file.substr(8 + length + offsets[0], offsets[1] - offsets[0])};
  }
}

inline void write_safetensors(const std::filesystem::path& path, const HfTensors& tensors) {
  nlohmann::ordered_json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", tensor.type},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  const std::string text = header.dump();
  const uint64_t length = text.size();
  std::string begin(8, '\0');
  std::memcpy(begin.data(), &length, 8);
  checkpoint::write_bytes(path, begin + text + data);
}

/// A folder of Transformers in memory, to be changed and written.
struct HfFolder {
  nlohmann::json config;
  HfTensors tensors;

  static HfFolder read(const std::filesystem::path& folder) {
    HfFolder read{.config = nlohmann::json::parse(read_file(folder / "config.json")), .tensors = {}};
    for (const std::string& name : checkpoint::names_in(folder))
      if (name.ends_with(".safetensors")) add_safetensors(folder / name, read.tensors);
    return read;
  }
  /// One of tests/golden/hf.
  static std::filesystem::path golden_path(const std::string& name) {
    return std::filesystem::path(TANDEM_SOURCE_DIR) / "tests/golden/hf" / name;
  }
  static HfFolder golden(const std::string& name) { return read(golden_path(name)); }

  void write(const std::filesystem::path& folder) const {
    std::filesystem::create_directories(folder);
    checkpoint::write_bytes(folder / "config.json", config.dump());
    write_safetensors(folder / "model.safetensors", tensors);
  }
};

}  // namespace tandem::testing
