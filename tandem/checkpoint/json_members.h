// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

namespace tandem::checkpoint {

/// Parses the JSON of a file that tandem itself wrote. An EnvironmentError names `place` where the text is
/// torn, too long, too deep, or has a key twice.
nlohmann::json parse_stored_json(const std::string& text, const std::string& place, size_t max_bytes);

/// Reads the small record of a folder, a JSON object with `format.major`; nothing where there is none.
/// EnvironmentError where it is damaged, InputError where it is of another format than `major`.
std::optional<nlohmann::json> read_record(const std::filesystem::path& path, int64_t major);

/// Bounds of an integer, both included.
struct IntegerRange {
  int64_t minimum = 0;
  int64_t maximum = std::numeric_limits<int64_t>::max();
};

/// Reads the members of one JSON object by type. A member that is missing, of another type or out of range is
/// an EnvironmentError that names the file and the member. The object must outlive this.
class JsonMembers {
 public:
  /// `place` names the object in messages, as in "manifest.json: mesh".
  JsonMembers(const nlohmann::json& object, std::string place);

  int64_t integer(const std::string& key, IntegerRange range = {});
  /// As `integer`, at most what an int32_t holds.
  int32_t small_integer(const std::string& key, int32_t minimum = 0);
  uint64_t unsigned_integer(const std::string& key);
  std::string text(const std::string& key);
  const nlohmann::json& object(const std::string& key);
  const nlohmann::json& array(const std::string& key);
  /// Returns the member, of any type, or nullptr where there is none.
  const nlohmann::json* find(const std::string& key);

  /// Refuses members that nobody asked for.
  void finish() const;

  const std::string& place() const { return place_; }

 private:
  const nlohmann::json& member(const std::string& key, const char* type,
                               bool (*is_type)(const nlohmann::json&));

  const nlohmann::json& object_;
  std::string place_;
  std::set<std::string> seen_;
};

}  // namespace tandem::checkpoint
