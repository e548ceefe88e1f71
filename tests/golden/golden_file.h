// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"

namespace tandem::testing {

/// A tensor of a golden file: row-major, in the processor's byte order.
struct GoldenTensor {
  std::string dtype;  ///< "F32", "F64" or "I64"
  std::vector<int64_t> shape;
  std::string bytes;

  /// Returns the elements; T must be the stored type.
  template <typename T>
  std::vector<T> values() const {
    const char* stored = std::is_same_v<T, float>     ? "F32"
                         : std::is_same_v<T, double>  ? "F64"
                         : std::is_same_v<T, int64_t> ? "I64"
                                                      : "none";
    TANDEM_CHECK(dtype == stored, "golden tensor holds {}, asked for {}", dtype, stored);
    std::vector<T> result(bytes.size() / sizeof(T));
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  }
};

/// A file of tests/golden (safetensors), read whole. What the names mean stands in the README there.
class GoldenFile {
 public:
  /// Reads tests/golden/`name`.safetensors of the source tree.
  explicit GoldenFile(const std::string& name) {
    const std::string file = read_file(TANDEM_SOURCE_DIR "/tests/golden/" + name + ".safetensors");
    uint64_t header_size = 0;
    TANDEM_CHECK(file.size() >= 8);
    std::memcpy(&header_size, file.data(), 8);
    TANDEM_CHECK(header_size <= file.size() - 8);
    const nlohmann::json header = nlohmann::json::parse(file.substr(8, header_size));
    for (const auto& [key, entry] : header.items()) {
      if (key == "__metadata__") {
        metadata_ = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      const auto offsets = entry.at("data_offsets").get<std::vector<uint64_t>>();
      tensors_[key] = {entry.at("dtype"), entry.at("shape"),
                       file.substr(8 + header_size + offsets.at(0), offsets.at(1) - offsets.at(0))};
    }
  }

  const GoldenTensor& at(const std::string& name) const { return tensors_.at(name); }

  /// Returns the names after `prefix`, as Transformers gives them: names("gradient/").
  std::vector<std::string> names(std::string_view prefix) const {
    std::vector<std::string> found;
    for (const auto& [name, tensor] : tensors_)
      if (name.compare(0, prefix.size(), prefix) == 0) found.push_back(name.substr(prefix.size()));
    return found;
  }

  /// Returns the model's configuration with the keys of Transformers.
  nlohmann::json config() const { return nlohmann::json::parse(metadata_.at("config")); }

 private:
  std::map<std::string, GoldenTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace tandem::testing
