// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "tandem/base/json_members.h"

namespace tandem::checkpoint {

/// Parses the JSON of a file that tandem itself wrote. An EnvironmentError names `place` where the text is
/// torn, too long, too deep, or has a key twice.
nlohmann::json parse_stored_json(const std::string& text, const std::string& place, size_t max_bytes);

/// Reads the small record of a folder, a JSON object with `format.major`; nothing where there is none.
/// EnvironmentError where it is damaged, InputError where it is of another format than `major`.
std::optional<nlohmann::json> read_record(const std::filesystem::path& path, int64_t major);

/// The members of an object that tandem itself wrote: what is wrong with them is an EnvironmentError.
class StoredMembers : public JsonMembers {
 public:
  StoredMembers(const nlohmann::json& object, std::string place)
      : JsonMembers(object, std::move(place), JsonWriter::kTandem) {}
};

}  // namespace tandem::checkpoint
