// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tandem/data/special_ids.h"

namespace tandem::data {

/// What PREFIX.json says about an index that the two Megatron files do not.
struct IndexMetadata {
  SpecialIds ids;
  std::string tokenizer_hash;
  uint64_t documents = 0;
  uint64_t tokens = 0;
  int64_t largest_id = 0;
  bool ends_with_eos = true;  ///< each document's last token is eos

  friend bool operator==(const IndexMetadata&, const IndexMetadata&) = default;
};

/// Returns the metadata as the JSON text of PREFIX.json.
std::string to_json(const IndexMetadata& metadata);

/// Reads PREFIX.json; nothing if there is none, as beside a foreign index. Its ids lie in its vocabulary, all
/// sentinels too. Throws InputError, which names file and member, if it is no such file; else as
/// `throw_unreadable` does.
std::optional<IndexMetadata> read_metadata(const std::string& prefix);

}  // namespace tandem::data
