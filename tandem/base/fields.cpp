// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/fields.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tandem/base/content_hash.h"
#include "tandem/base/error.h"

namespace tandem {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// Names the place of a key inside the nested document: `model.heads` is /model/heads.
ordered_json::json_pointer pointer_of(const std::string& key) {
  std::string path = "/" + key;
  for (char& c : path)
    if (c == '.') c = '/';
  return ordered_json::json_pointer(path);
}

std::string value_text(const FieldRef& field) {
  const json value = field.write();
  return value.is_null() ? "unset" : value.dump();
}

bool is_unset(const json& value) { return value.is_null() || (value.is_array() && value.empty()); }

}  // namespace

ordered_json fields_to_json(const std::vector<FieldRef>& fields) {
  ordered_json document = ordered_json::object();
  for (const FieldRef& field : fields) {
    const json value = field.write();
    if (!is_unset(value)) document[pointer_of(field.key)] = value;
  }
  return document;
}

std::string hash_fields(const std::vector<FieldRef>& fields) {
  return content_hash(json(fields_to_json(fields)).dump());
}

std::vector<FieldDifference> diff_fields(const std::vector<FieldRef>& left,
                                         const std::vector<FieldRef>& right) {
  TANDEM_CHECK(left.size() == right.size(), "two kinds of configuration");
  std::vector<FieldDifference> differences;
  for (size_t i = 0; i < left.size(); ++i) {
    std::string a = value_text(left[i]), b = value_text(right[i]);
    if (a != b) differences.push_back({left[i].key, std::move(a), std::move(b)});
  }
  return differences;
}

std::string show_field(const FieldRef& field) {
  const json value = field.write();
  if (is_unset(value))
    return fmt::format("({})", field.field.default_text.empty() ? "unset" : field.field.default_text);
  return value.dump();
}

std::vector<FieldHelp> describe_fields(const std::vector<FieldRef>& defaults) {
  std::vector<FieldHelp> rows;
  for (const FieldRef& field : defaults)
    rows.push_back({.key = field.key,
                    .type = field.type,
                    .unit = std::string(field.field.unit),
                    .fallback = field.field.required ? "required" : show_field(field),
                    .meaning = std::string(field.field.help)});
  return rows;
}

}  // namespace tandem
