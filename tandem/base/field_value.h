// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/base/field.h"

/// What each type of a configuration's members is in JSON, on a command line and for people. `read_value`
/// takes a value over, or leaves it as it is and returns what is wrong with it; an empty text means taken.
namespace tandem::field_value {

/// One name of an enum; one that is not `available` belongs to a later version.
struct ChoiceName {
  std::string name;
  bool available;
};
using ChoiceNames = std::vector<ChoiceName>;

std::string read_value(const nlohmann::json& json, const Field& field, int64_t& value);
std::string read_value(const nlohmann::json& json, const Field& field, double& value);
std::string read_value(const nlohmann::json& json, const Field& field, bool& value);
std::string read_value(const nlohmann::json& json, const Field& field, std::string& value);
std::string read_value(const nlohmann::json& json, const Field& field, Sources& value);
/// Finds the index of the name that `json` holds.
std::string read_choice(const nlohmann::json& json, const ChoiceNames& names, size_t& index);

nlohmann::json write_value(int64_t value);
nlohmann::json write_value(double value);
nlohmann::json write_value(bool value);
nlohmann::json write_value(const std::string& value);
nlohmann::json write_value(const Sources& value);

/// How a text from a command line is read: always as JSON, never, or only where it starts as a list or an
/// object does.
enum class TextForm { kJson, kPlain, kPlainOrList };
/// Returns the JSON value that `text` stands for. Text that is no JSON stays a string, for `read_value` to
/// refuse.
nlohmann::json value_from_text(const std::string& text, TextForm form);

std::string type_of_choices(const ChoiceNames& names);

template <class Enum>
ChoiceNames choice_names() {
  ChoiceNames names;
  for (const auto& choice : choices(Enum{}))
    names.push_back({std::string(choice.name), choice.value.has_value()});
  return names;
}

/// The traits of a type of member.
template <class T>
struct Type {
  static_assert(std::is_enum_v<T>,
                "a member is int64_t, double, bool, std::string, Sources, an enum, or optional");
  static std::string name() { return type_of_choices(choice_names<T>()); }
  static constexpr TextForm kForm = TextForm::kPlain;
  static std::string read(const nlohmann::json& json, const Field&, T& value) {
    size_t index = 0;
    std::string problem = read_choice(json, choice_names<T>(), index);
    if (problem.empty()) value = *choices(T{})[index].value;
    return problem;
  }
  static nlohmann::json write(T value) { return std::string(name_of(value)); }
};

/// The traits of a type that has `read_value` and `write_value`.
template <class T, TextForm form>
struct PlainType {
  static constexpr TextForm kForm = form;
  static std::string read(const nlohmann::json& json, const Field& field, T& value) {
    return read_value(json, field, value);
  }
  static nlohmann::json write(const T& value) { return write_value(value); }
};
template <>
struct Type<int64_t> : PlainType<int64_t, TextForm::kJson> {
  static std::string name() { return "integer"; }
};
template <>
struct Type<double> : PlainType<double, TextForm::kJson> {
  static std::string name() { return "number"; }
};
template <>
struct Type<bool> : PlainType<bool, TextForm::kJson> {
  static std::string name() { return "true|false"; }
};
template <>
struct Type<std::string> : PlainType<std::string, TextForm::kPlain> {
  static std::string name() { return "text"; }
};
template <>
struct Type<Sources> : PlainType<Sources, TextForm::kPlainOrList> {
  static std::string name() { return "path or paths"; }
};

/// An optional value is null while unset.
template <class T>
struct Type<std::optional<T>> {
  static std::string name() { return Type<T>::name(); }
  static constexpr TextForm kForm = Type<T>::kForm;
  static std::string read(const nlohmann::json& json, const Field& field, std::optional<T>& value) {
    if (json.is_null()) {
      value.reset();
      return {};
    }
    T inner{};
    std::string problem = Type<T>::read(json, field, inner);
    if (problem.empty()) value = std::move(inner);
    return problem;
  }
  static nlohmann::json write(const std::optional<T>& value) {
    return value ? Type<T>::write(*value) : nlohmann::json();
  }
};

}  // namespace tandem::field_value
