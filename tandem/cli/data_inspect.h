// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace tandem::cli {

/// Describes encoded data: prefix, documents, sequences, tokens, token_type, bytes, lengths of documents,
/// what PREFIX.json says (null each without it), and for one document its ids and text (null without a
/// tokenizer). Throws InputError for faulty data or a document that is not there.
nlohmann::ordered_json describe_data(const std::string& prefix, std::optional<uint64_t> document);

}  // namespace tandem::cli
