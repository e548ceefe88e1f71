// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scratch_folder.h"
#include "tandem/base/crc32c.h"
#include "tandem/checkpoint/manifest.h"

namespace tandem::checkpoint {

/// Returns the text of a manifest, sealed as if tandem had written it.
inline std::string resealed(nlohmann::json manifest) {
  manifest.erase("sha256");
  std::string body = manifest.dump();
  body.pop_back();
  return sealed(std::move(body));
}

/// Makes the manifest of a step's folder agree with the bytes of its files, whatever they are now.
inline void reseal(const std::filesystem::path& step) {
  auto manifest = nlohmann::json::parse(bytes_of(step / Manifest::kFileName));
  const auto chunk_bytes = manifest.at("chunk_bytes").get<size_t>();
  for (nlohmann::json& file : manifest["files"]) {
    const std::string bytes = bytes_of(step / file.at("name").get<std::string>());
    std::string sums;
    for (size_t begin = 0; begin < bytes.size(); begin += chunk_bytes)
      sums += fmt::format(
          "{:08x}", crc32c(std::as_bytes(std::span(std::string_view(bytes).substr(begin, chunk_bytes)))));
    file["chunk_crc32c"] = sums;
    file["crc32c"] = fmt::format("{:08x}", crc32c(std::as_bytes(std::span(bytes))));
  }
  write_bytes(step / Manifest::kFileName, resealed(std::move(manifest)));
}

}  // namespace tandem::checkpoint
