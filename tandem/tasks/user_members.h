// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "tandem/base/json_members.h"

namespace tandem::tasks {

/// A word and what it stands for.
template <class Value>
using Choice = std::pair<std::string_view, Value>;

/// The members of an object that a user wrote, as task files hold them. All errors are InputErrors.
class UserMembers : public JsonMembers {
 public:
  UserMembers(const nlohmann::json& object, std::string place)
      : JsonMembers(object, std::move(place), JsonWriter::kUser) {}

  /// Returns a text of 1 to 1024 bytes.
  std::string short_text(const std::string& key);
  /// As `short_text`; "" where there is no such member.
  std::string optional_text(const std::string& key) { return find(key) == nullptr ? "" : short_text(key); }
  /// Returns the place of a value in a line: names with points between them.
  std::string path(const std::string& key);
  /// Returns texts, at least one.
  std::vector<std::string> texts(const std::string& key);
  /// Returns a list of texts, or a text alone as a list.
  std::vector<std::string> text_or_texts(const std::string& key);
  /// Returns an object's members.
  UserMembers group(const std::string& key) { return {object(key), fmt::format("{}: {}", place(), key)}; }

  /// Returns what one of some words stands for.
  template <class Value, size_t n>
  Value choice(const std::string& key, const std::array<Choice<Value>, n>& choices) {
    return value_of(choices, text(key), fmt::format("'{}' is", key));
  }
  /// Returns what the words of a list stand for, at least one.
  template <class Value, size_t n>
  std::vector<Value> choices(const std::string& key, const std::array<Choice<Value>, n>& choices) {
    std::vector<Value> values;
    for (const std::string& word : texts(key))
      values.push_back(value_of(choices, word, fmt::format("'{}' has", key)));
    return values;
  }

 private:
  template <class Value, size_t n>
  Value value_of(const std::array<Choice<Value>, n>& choices, const std::string& word,
                 const std::string& problem) {
    const auto found = std::ranges::find(choices, word, &Choice<Value>::first);
    if (found != choices.end()) return found->second;
    std::vector<std::string_view> known;
    for (const auto& choice : choices) known.push_back(choice.first);
    refuse(fmt::format("{} '{}', which is none of: {}", problem, word, fmt::join(known, ", ")));
  }
};

/// Tells whether a name is of ASCII letters, digits and _ alone, at least one.
bool is_word(std::string_view name);
/// Tells whether a name can be that of a file in a given folder.
bool is_file_name(std::string_view name);

}  // namespace tandem::tasks
