// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/field_value.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "tandem/base/error.h"
#include "tandem/base/nearest.h"
#include "tandem/base/strict_json.h"
#include "tandem/base/utf8.h"

namespace tandem::field_value {
namespace {

using nlohmann::json;

constexpr size_t kLongestShown = 60;

/// Shows a value in a message: as JSON on one line, cut where it is long, between characters.
std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() <= kLongestShown) return text;
  size_t end = kLongestShown;
  while (end > 0 && !begins_character(text[end])) --end;
  return text.substr(0, end) + "…";
}

std::string expected(std::string_view what, const json& got) {
  return fmt::format("expected {}, got {}", what, shown(got));
}

/// Writes a bound without an exponent where it is a whole number of usual size.
std::string bound_text(double bound) {
  if (std::abs(bound) < 1e15 && bound == std::floor(bound))
    return fmt::format("{}", static_cast<int64_t>(bound));
  return fmt::format("{}", bound);
}

std::string range_problem(double value, const json& got, const Field& field) {
  if (value < field.minimum) return fmt::format("{} is below {}", shown(got), bound_text(field.minimum));
  if (value > field.maximum) return fmt::format("{} is above {}", shown(got), bound_text(field.maximum));
  return {};
}

std::string later_problem(const json& got, const Field& field) {
  if (field.not_yet.empty() || got.dump() != field.not_yet) return {};
  return fmt::format("{} is not available yet", shown(got));
}

constexpr std::string_view kSourceForms = "a path or {\"path\": …, \"weight\": …, \"name\": …}";

/// Reads one path of a list: a string, or an object with path and perhaps weight and name.
std::string read_source(const json& item, WeightedPath& source) {
  if (item.is_string()) {
    source.path = item.get<std::string>();
  } else if (item.is_object()) {
    for (const auto& [key, value] : item.items()) {
      if (key == "path" && value.is_string())
        source.path = value.get<std::string>();
      else if (key == "weight" && value.is_number())
        source.weight = value.get<double>();
      else if (key == "name" && value.is_string())
        source.name = value.get<std::string>();
      else if (key == "path" || key == "weight" || key == "name")
        return expected(kSourceForms, item);
      else
        return fmt::format("unknown key {} beside path, weight and name", shown(key));
    }
  } else {
    return expected(kSourceForms, item);
  }
  if (source.path.empty()) return fmt::format("{} has an empty path", shown(item));
  if (source.name.empty() && item.contains("name")) return fmt::format("{} has an empty name", shown(item));
  if (!(source.weight > 0 && source.weight <= 1e12))
    return fmt::format("{} has a weight that is not above 0", shown(item));
  return {};
}

}  // namespace

std::string read_value(const json& got, const Field& field, int64_t& value) {
  if (!got.is_number_integer()) return expected("an integer", got);
  if (got.is_number_unsigned() &&
      got.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return fmt::format("{} is above {}", shown(got), std::numeric_limits<int64_t>::max());
  std::string problem = range_problem(got.get<double>(), got, field);
  if (problem.empty()) problem = later_problem(got, field);
  if (problem.empty()) value = got.get<int64_t>();
  return problem;
}

std::string read_value(const json& got, const Field& field, double& value) {
  if (!got.is_number()) return expected("a number", got);
  std::string problem = range_problem(got.get<double>(), got, field);
  if (problem.empty()) problem = later_problem(got, field);
  if (problem.empty()) value = got.get<double>();
  return problem;
}

std::string read_value(const json& got, const Field& field, bool& value) {
  if (!got.is_boolean()) return expected("true or false", got);
  std::string problem = later_problem(got, field);
  if (problem.empty()) value = got.get<bool>();
  return problem;
}

std::string read_value(const json& got, const Field& field, std::string& value) {
  if (!got.is_string()) return expected("a text", got);
  if (got.get_ref<const std::string&>().empty()) return "is empty";
  std::string problem = later_problem(got, field);
  if (problem.empty()) value = got.get<std::string>();
  return problem;
}

std::string read_value(const json& got, const Field& field, Sources& value) {
  if (!got.is_array() && !got.is_string())
    return expected("a path or a list of {\"path\": …, \"weight\": …, \"name\": …}", got);
  if (got.empty() && field.required) return "is an empty list";
  const json items = got.is_array() ? got : json::array({got});
  Sources sources;
  for (const json& item : items) {
    WeightedPath source;
    std::string problem = read_source(item, source);
    if (!problem.empty()) return problem;
    sources.push_back(std::move(source));
  }
  value = std::move(sources);
  return {};
}

std::string read_choice(const json& got, const ChoiceNames& names, size_t& index) {
  std::vector<std::string> available;
  for (const ChoiceName& choice : names)
    if (choice.available) available.push_back(choice.name);
  if (!got.is_string()) return expected(fmt::format("one of {}", fmt::join(available, ", ")), got);
  const std::string word = got.get<std::string>();
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].name != word) continue;
    if (!names[i].available)
      return fmt::format("{} is not available yet; use {}", shown(got), fmt::join(available, " or "));
    index = i;
    return {};
  }
  return fmt::format("{} is none of {}; the nearest is {}", shown(got), fmt::join(available, ", "),
                     nearest_name(word, available));
}

json write_value(int64_t value) { return value; }
json write_value(double value) { return value; }
json write_value(bool value) { return value; }
json write_value(const std::string& value) { return value; }
json write_value(const Sources& value) {
  json items = json::array();
  for (const WeightedPath& source : value) {
    json& item = items.emplace_back(json{{"path", source.path}, {"weight", source.weight}});
    if (!source.name.empty()) item["name"] = source.name;
  }
  return items;
}

json value_from_text(const std::string& text, TextForm form) {
  const bool starts_as_list = !text.empty() && (text[0] == '[' || text[0] == '{');
  if (form == TextForm::kPlain && text != "null") return text;
  if (form == TextForm::kPlainOrList && !starts_as_list) return text;
  try {
    return parse_strict_json(text, "");
  } catch (const InputError&) {
    return text;
  }
}

std::string type_of_choices(const ChoiceNames& names) {
  std::string text;
  for (const ChoiceName& choice : names) {
    if (!choice.available) continue;
    if (!text.empty()) text += '|';
    text += choice.name;
  }
  return text;
}

}  // namespace tandem::field_value
