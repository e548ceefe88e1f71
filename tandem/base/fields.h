// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tandem/base/field.h"
#include "tandem/base/field_value.h"

namespace tandem {

/// One key of a configuration with access to its value, whatever its type. Refers to the configuration that
/// it was listed from and lives no longer than that.
struct FieldRef {
  std::string key;   ///< With its groups, as `model.heads`.
  std::string type;  ///< For people: `integer`, `number`, `true|false`, `text`, `rotary|relative_bias`, …
  Field field;
  /// Takes the value over, or leaves it as it is and returns what is wrong, without the key. Empty: taken.
  std::function<std::string(const nlohmann::json&)> read;
  /// Returns the value; null for an optional one that is unset.
  std::function<nlohmann::json()> write;
  /// Returns what a text from a command line stands for; text that does not fit the type comes back as a
  /// string.
  std::function<nlohmann::json(const std::string&)> from_text;
};

/// Visitor that collects the keys of a configuration, groups opened.
class FieldLister {
 public:
  FieldLister(std::vector<FieldRef>& fields, std::string prefix)
      : fields_(fields), prefix_(std::move(prefix)) {}

  template <class T>
  void operator()(std::string_view name, T& value, const Field& field) const {
    using Type = field_value::Type<T>;
    fields_.push_back(
        {.key = prefix_ + std::string(name),
         .type = Type::name(),
         .field = field,
         .read = [&value, field](const nlohmann::json& json) { return Type::read(json, field, value); },
         .write = [&value] { return Type::write(value); },
         .from_text =
             [](const std::string& text) { return field_value::value_from_text(text, Type::kForm); }});
  }
  template <class Group>
  void operator()(std::string_view name, Group& group) const {
    group.visit(FieldLister(fields_, prefix_ + std::string(name) + "."));
  }

 private:
  std::vector<FieldRef>& fields_;
  std::string prefix_;
};

/// Lists all keys of a configuration in the order of its structs. The result refers to `config`.
template <class Config>
std::vector<FieldRef> list_fields(Config& config) {
  std::vector<FieldRef> fields;
  config.visit(FieldLister(fields, ""));
  return fields;
}

/// The values of a configuration: nested groups, unset optional values left out. Reading it gives the same
/// configuration.
nlohmann::ordered_json fields_to_json(const std::vector<FieldRef>& fields);
template <class Config>
nlohmann::ordered_json config_to_json(const Config& config) {
  Config copy = config;
  return fields_to_json(list_fields(copy));
}

/// Returns 32 hexadecimal digits that depend on every value and on nothing else: not on the order of keys,
/// comments or how a number was written.
std::string hash_fields(const std::vector<FieldRef>& fields);
template <class Config>
std::string hash_config(const Config& config) {
  Config copy = config;
  return hash_fields(list_fields(copy));
}

/// A key whose value differs, with both values as JSON; `unset` for an optional one without.
struct FieldDifference {
  std::string key;
  std::string left;
  std::string right;
};

/// Lists the keys whose values differ, in order.
std::vector<FieldDifference> diff_fields(const std::vector<FieldRef>& left,
                                         const std::vector<FieldRef>& right);
template <class Config>
std::vector<FieldDifference> diff_configs(const Config& left, const Config& right) {
  Config a = left, b = right;
  return diff_fields(list_fields(a), list_fields(b));
}

/// What help says of a key. `fallback` is the default as JSON, or a text in brackets, or `required`.
struct FieldHelp {
  std::string key;
  std::string type;
  std::string unit;
  std::string fallback;
  std::string meaning;
};

/// Describes every key, given the fields of a default configuration.
std::vector<FieldHelp> describe_fields(const std::vector<FieldRef>& defaults);
/// Shows a value to people: JSON, or the text in brackets that stands for an unset one.
std::string show_field(const FieldRef& field);

}  // namespace tandem
