// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/json_members.h"

#include <utility>
#include <vector>

#include "tandem/base/error.h"
#include "tandem/base/nearest.h"

namespace tandem {

using nlohmann::json;

JsonMembers::JsonMembers(const json& object, std::string place, JsonWriter writer)
    : object_(object), place_(std::move(place)), writer_(writer) {
  if (!object.is_object()) refuse("is no JSON object");
}

void JsonMembers::refuse(const std::string& problem) const {
  if (writer_ == JsonWriter::kUser) throw InputError("{}: {}", place_, problem);
  throw EnvironmentError("{}: {}", place_, problem);
}

const json& JsonMembers::member(const std::string& key, const char* type, bool (*is_type)(const json&)) {
  const json* value = find(key);
  if (value == nullptr) refuse(fmt::format("'{}' is missing", key));
  if (!is_type(*value)) refuse(fmt::format("'{}' is not {}", key, type));
  return *value;
}

const json* JsonMembers::find(const std::string& key) {
  seen_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

int64_t JsonMembers::integer(const std::string& key, IntegerRange range) {
  const json& value = member(key, "an integer", [](const json& v) { return v.is_number_integer(); });
  const bool fits = !value.is_number_unsigned() ||
                    value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!fits || value.get<int64_t>() < range.minimum || value.get<int64_t>() > range.maximum)
    refuse(fmt::format("'{}' is {}, outside {} to {}", key, value.dump(), range.minimum, range.maximum));
  return value.get<int64_t>();
}

int32_t JsonMembers::small_integer(const std::string& key, int32_t minimum) {
  return static_cast<int32_t>(
      integer(key, {.minimum = minimum, .maximum = std::numeric_limits<int32_t>::max()}));
}

uint64_t JsonMembers::unsigned_integer(const std::string& key) {
  return member(key, "a non-negative integer", [](const json& v) { return v.is_number_unsigned(); })
      .get<uint64_t>();
}

double JsonMembers::number(const std::string& key) {
  return member(key, "a number", [](const json& v) { return v.is_number(); }).get<double>();
}

bool JsonMembers::boolean(const std::string& key) {
  return member(key, "true or false", [](const json& v) { return v.is_boolean(); }).get<bool>();
}

std::string JsonMembers::text(const std::string& key) {
  return member(key, "a text", [](const json& v) { return v.is_string(); }).get<std::string>();
}

const json& JsonMembers::object(const std::string& key) {
  return member(key, "an object", [](const json& v) { return v.is_object(); });
}

const json& JsonMembers::array(const std::string& key) {
  return member(key, "a list", [](const json& v) { return v.is_array(); });
}

void JsonMembers::finish() const {
  for (const auto& [key, value] : object_.items()) {
    if (seen_.contains(key)) continue;
    const std::string problem = fmt::format("'{}' is not known here", key);
    if (writer_ == JsonWriter::kTandem || seen_.empty()) refuse(problem);
    const std::vector<std::string> known(seen_.begin(), seen_.end());
    refuse(fmt::format("{}; the nearest is '{}'", problem, nearest_name(key, known)));
  }
}

}  // namespace tandem
