// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/config_reader.h"

#include <algorithm>
#include <optional>
#include <span>

#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/base/nearest.h"
#include "tandem/base/strict_json.h"
#include "tandem/base/utf8.h"

namespace tandem {
namespace {

using nlohmann::json;

/// The value that a key was given, and by whom.
struct Given {
  json value;
  Origin origin;
};

/// Collects what was given for the known keys, from the text and from `--set`.
class Gatherer {
 public:
  Gatherer(const std::vector<FieldRef>& fields, ConfigReport& report) : fields_(fields), report_(report) {
    for (const FieldRef& field : fields) {
      keys_.push_back(field.key);
      for (size_t dot = field.key.find('.'); dot != std::string::npos; dot = field.key.find('.', dot + 1))
        groups_.insert(field.key.substr(0, dot));
    }
  }

  void add_group(const json& group, const std::string& prefix) {
    for (const auto& [name, value] : group.items()) {
      const std::string key = prefix + name;
      // A dotted name would be a second way to say what groups say.
      const bool dotted = name.find('.') != std::string::npos;
      if (dotted || (!find(key) && !groups_.contains(key))) {
        report_.add(key, dotted ? "a key in a file has no dots; write groups {…}" : unknown(key));
      } else if (find(key)) {
        given_[key] = {value, Origin::kFile};
      } else if (value.is_object()) {
        add_group(value, key + ".");
      } else {
        report_.add(key, "expected a group {…} of keys");
      }
    }
  }

  void add_set(const std::string& assignment) {
    const size_t equals = assignment.find('=');
    const std::string key = assignment.substr(0, equals);
    const FieldRef* field = find(key);
    if (equals == std::string::npos || key.empty()) {
      report_.add("--set " + assignment, "expected path.to.key=value");
    } else if (groups_.contains(key)) {
      report_.add(key, fmt::format("is a group; set one of its keys, as {}", first_key_of(key)));
    } else if (field == nullptr) {
      report_.add(key, unknown(key));
    } else {
      given_[key] = {field->from_text(assignment.substr(equals + 1)), Origin::kSet};
    }
  }

  const Given* given(const std::string& key) const {
    const auto found = given_.find(key);
    return found == given_.end() ? nullptr : &found->second;
  }

 private:
  const FieldRef* find(const std::string& key) const {
    const auto found =
        std::find_if(fields_.begin(), fields_.end(), [&](const FieldRef& field) { return field.key == key; });
    return found == fields_.end() ? nullptr : &*found;
  }
  std::string unknown(const std::string& key) const {
    // Finding the nearest takes its time, and nobody reads thousands of them.
    if (report_.problems().size() >= ConfigReport::kShown) return "unknown key";
    std::vector<std::string> names = keys_;
    names.insert(names.end(), groups_.begin(), groups_.end());
    return fmt::format("unknown key; the nearest is {}", nearest_name(key, names));
  }
  const std::string& first_key_of(const std::string& group) const {
    return *std::find_if(keys_.begin(), keys_.end(),
                         [&](const auto& key) { return key.starts_with(group + "."); });
  }

  const std::vector<FieldRef>& fields_;
  ConfigReport& report_;
  std::vector<std::string> keys_;
  std::set<std::string> groups_;
  std::map<std::string, Given> given_;
};

/// Says what is wrong with the text of a value itself, whatever its key.
std::string text_problem(const json& value) {
  try {
    static_cast<void>(value.dump());
    return {};
  } catch (const json::exception&) {
    return "is not valid UTF-8";
  }
}

void read_field(const FieldRef& field, const Given* given, ConfigReport& report) {
  report.set_origin(field.key, given ? given->origin : Origin::kDefault);
  if (given == nullptr) {
    if (field.field.required && report.usable({field.key}))
      report.add(field.key, fmt::format("is missing ({})", field.field.help));
    return;
  }
  std::string problem = text_problem(given->value);
  if (problem.empty()) problem = field.read(given->value);
  if (problem.empty()) return;
  report.add(field.key, problem + (given->origin == Origin::kSet ? " (from --set)" : ""));
}

}  // namespace

std::string_view origin_name(Origin origin) {
  switch (origin) {
    case Origin::kFile:
      return "file";
    case Origin::kSet:
      return "--set";
    case Origin::kDefault:
      break;
  }
  return "default";
}

namespace {

// The first bytes of a text, less a character that they would cut.
std::string whole_characters(const std::string& text, size_t bytes) {
  while (bytes > 0 && !begins_character(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

}  // namespace

void ConfigReport::add(const std::string& key, const std::string& problem) {
  unusable_.insert(key);
  std::string line = fmt::format("{}: {}", key, problem);
  // A key from outside may hold anything; the message stays one line.
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  if (line.size() > kShownBytes) line = whole_characters(line, kShownBytes) + "…";
  problems_.push_back(std::move(line));
}

bool ConfigReport::usable(std::initializer_list<std::string_view> keys) const {
  return std::none_of(keys.begin(), keys.end(), [&](std::string_view key) {
    return unusable_.contains(key) || unusable_.contains(key.substr(0, key.find('.')));
  });
}

void ConfigReport::throw_problems() const {
  if (problems_.empty()) return;
  const size_t shown = std::min(problems_.size(), kShown);
  throw InputError("{}: {}{}", name_, fmt::join(std::span(problems_).first(shown), "; "),
                   shown == problems_.size() ? "" : fmt::format("; and {} more", problems_.size() - shown));
}

ConfigReport read_fields(const std::vector<FieldRef>& fields, const ConfigText& source) {
  const json document = parse_strict_json(source.text, source.name);
  if (!document.is_object()) throw InputError("{}: expected one JSON object {{…}} of groups", source.name);
  ConfigReport report(source.name);
  Gatherer gatherer(fields, report);
  gatherer.add_group(document, "");
  for (const std::string& assignment : source.sets) gatherer.add_set(assignment);
  for (const FieldRef& field : fields) read_field(field, gatherer.given(field.key), report);
  return report;
}

}  // namespace tandem
