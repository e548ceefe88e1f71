// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/user_members.h"

namespace tandem::tasks {

namespace {

constexpr size_t kMaxTextBytes = 1024;

}  // namespace

std::string UserMembers::short_text(const std::string& key) {
  std::string value = text(key);
  if (value.empty()) refuse(fmt::format("'{}' is empty", key));
  if (value.size() > kMaxTextBytes)
    refuse(fmt::format("'{}' has {} bytes, more than {}", key, value.size(), kMaxTextBytes));
  return value;
}

std::string UserMembers::path(const std::string& key) {
  std::string value = short_text(key);
  if (("." + value + ".").find("..") != std::string::npos)
    refuse(fmt::format("'{}' is '{}', which is no path as in a.b", key, value));
  return value;
}

std::vector<std::string> UserMembers::texts(const std::string& key) {
  std::vector<std::string> values;
  for (const nlohmann::json& value : array(key)) {
    if (!value.is_string() || value.get_ref<const std::string&>().empty())
      refuse(fmt::format("'{}' holds {}, which is no text", key, value.dump()));
    values.push_back(value.get<std::string>());
  }
  if (values.empty()) refuse(fmt::format("'{}' is empty", key));
  return values;
}

std::vector<std::string> UserMembers::text_or_texts(const std::string& key) {
  const nlohmann::json* value = find(key);
  if (value != nullptr && value->is_array()) return texts(key);
  return {short_text(key)};
}

bool is_word(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  return !name.empty() && name.find_first_not_of(kLetters) == std::string_view::npos;
}

bool is_file_name(std::string_view name) {
  constexpr std::string_view kNever("/\0", 2);
  return !name.empty() && name != "." && name != ".." && name.find_first_of(kNever) == std::string_view::npos;
}

}  // namespace tandem::tasks
