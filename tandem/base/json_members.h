// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

namespace tandem {

/// Who wrote a JSON text, and so who can mend what is wrong in it.
enum class JsonWriter {
  kUser,    ///< an InputError, with the nearest known member beside an unknown one
  kTandem,  ///< nobody edits such files: an EnvironmentError
};

/// Bounds of an integer, both included.
struct IntegerRange {
  int64_t minimum = 0;
  int64_t maximum = std::numeric_limits<int64_t>::max();
};

/// Reads the members of one JSON object by type. A member that is missing, of another type or out of range is
/// an error of the writer's kind that names the place and the member. The object must outlive this.
class JsonMembers {
 public:
  /// `place` names the object in messages, as in "manifest.json: mesh".
  JsonMembers(const nlohmann::json& object, std::string place, JsonWriter writer);

  int64_t integer(const std::string& key, IntegerRange range = {});
  /// As `integer`, at most what an int32_t holds.
  int32_t small_integer(const std::string& key, int32_t minimum = 0);
  uint64_t unsigned_integer(const std::string& key);
  /// Returns any number as fp64.
  double number(const std::string& key);
  bool boolean(const std::string& key);
  std::string text(const std::string& key);
  const nlohmann::json& object(const std::string& key);
  const nlohmann::json& array(const std::string& key);
  /// Returns the member, of any type, or nullptr where there is none.
  const nlohmann::json* find(const std::string& key);

  /// Refuses members that nobody asked for.
  void finish() const;

  /// Throws the error of the writer's kind: the place, then the problem.
  [[noreturn]] void refuse(const std::string& problem) const;

  const std::string& place() const { return place_; }

 private:
  const nlohmann::json& member(const std::string& key, const char* type,
                               bool (*is_type)(const nlohmann::json&));

  const nlohmann::json& object_;
  std::string place_;
  JsonWriter writer_;
  std::set<std::string> seen_;
};

}  // namespace tandem
