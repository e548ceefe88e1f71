// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tandem/base/fields.h"

namespace tandem {

/// Where the value of a key came from.
enum class Origin { kDefault, kFile, kSet };
/// Returns `default`, `file` or `--set`.
std::string_view origin_name(Origin origin);

/// What a configuration is read from.
struct ConfigText {
  std::string name;               ///< For messages: the file's path.
  std::string text;               ///< JSON; // and /* */ comments are allowed.
  std::vector<std::string> sets;  ///< `path.to.key=value`; over the text, later ones over earlier ones.
};

/// What reading found: every problem, and each key's origin.
class ConfigReport {
 public:
  static constexpr size_t kShown = 50;  ///< problems that a message tells; of more, only how many

  explicit ConfigReport(std::string name) : name_(std::move(name)) {}

  /// Adds a problem of one key, which is not `usable` from then on.
  void add(const std::string& key, const std::string& problem);
  /// Adds a problem between several keys, unless one of them already has a problem of its own: its value is
  /// then not what the user meant.
  template <typename... Args>
  void refuse(std::initializer_list<std::string_view> keys, fmt::format_string<Args...> format,
              Args&&... args) {
    if (usable(keys)) problems_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
  /// Returns whether none of the keys has a problem, nor the group that it lies in: whether their values are
  /// what the user meant.
  bool usable(std::initializer_list<std::string_view> keys) const;

  const std::vector<std::string>& problems() const { return problems_; }
  const std::map<std::string, Origin>& origins() const { return origins_; }
  void set_origin(const std::string& key, Origin origin) { origins_[key] = origin; }

  /// Throws InputError with the problems on one line, if there are any.
  void throw_problems() const;

 private:
  static constexpr size_t kShownBytes = 1000;  // of one problem: a key from outside can have a megabyte

  std::string name_;
  std::vector<std::string> problems_;
  std::set<std::string, std::less<>> unusable_;
  std::map<std::string, Origin> origins_;
};

/// Reads values into fields. Types are strict, unknown keys and missing required ones are problems; a field
/// with a problem keeps the value it had. Throws InputError where the text is no JSON object at all, has more
/// than 1 MiB, is nested deeper than 64, or holds a key twice.
ConfigReport read_fields(const std::vector<FieldRef>& fields, const ConfigText& source);
template <class Config>
ConfigReport read_config(Config& config, const ConfigText& source) {
  return read_fields(list_fields(config), source);
}

}  // namespace tandem
