// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/json_members.h"

#include <utility>

#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"
#include "tandem/checkpoint/file.h"

namespace tandem::checkpoint {

using nlohmann::json;

json parse_stored_json(const std::string& text, const std::string& place, size_t max_bytes) {
  try {
    return parse_strict_json(text, place, {.bytes = max_bytes});
  } catch (const InputError& error) {
    // Nobody edits these files: what is wrong in them is damage, not a user's slip.
    throw EnvironmentError("{}", error.what());
  }
}

std::optional<json> read_record(const std::filesystem::path& path, int64_t major) {
  constexpr int64_t kMaxBytes = int64_t{1} << 16;
  if (!is_there(path)) return std::nullopt;
  json record = parse_stored_json(read_text(path, kMaxBytes), path.string(), kMaxBytes);
  const std::string format = path.string() + ": format";
  const int64_t found =
      JsonMembers(JsonMembers(record, path.string()).object("format"), format).integer("major");
  if (found != major)
    throw InputError("{}: is of format {}, and this program knows {}; use a program that knows it",
                     path.string(), found, major);
  return record;
}

JsonMembers::JsonMembers(const json& object, std::string place) : object_(object), place_(std::move(place)) {
  if (!object.is_object()) throw EnvironmentError("{}: is no JSON object", place_);
}

const json& JsonMembers::member(const std::string& key, const char* type, bool (*is_type)(const json&)) {
  const json* value = find(key);
  if (value == nullptr) throw EnvironmentError("{}: '{}' is missing", place_, key);
  if (!is_type(*value)) throw EnvironmentError("{}: '{}' is not {}", place_, key, type);
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
    throw EnvironmentError("{}: '{}' is {}, outside {} to {}", place_, key, value.dump(), range.minimum,
                           range.maximum);
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
  for (const auto& [key, value] : object_.items())
    if (!seen_.contains(key)) throw EnvironmentError("{}: '{}' is not known here", place_, key);
}

}  // namespace tandem::checkpoint
