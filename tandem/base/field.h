// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tandem {

/// Describes one key of a configuration. A configuration struct lists its keys once:
///
///   template <class V> void visit(V&& v) {
///     v("heads", heads, Field{.help = "attention heads", .minimum = 1, .required = true});
///     v("model", model);  // a group: a struct with a visit of its own
///   }
///
/// Reading, `--set`, help, printing, comparing and hashing all come from that list (base/fields.h). A member
/// is an int64_t, double, bool, std::string, an enum with `choices`, Sources, or a std::optional of one of
/// the first five.
struct Field {
  std::string_view help;
  std::string_view unit = "";
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool required = false;
  /// What stands in for the value where the member alone does not say it, as "pad_id of the tokenizer".
  std::string_view default_text = "";
  /// A value, written as in JSON, that belongs to a later version: refused as `not available yet`.
  std::string_view not_yet = "";
};

/// One name of an enum. A name without a value belongs to a later version and is refused as `not available
/// yet`. The enum's namespace has `constexpr auto choices(Enum)`, a std::array of these.
template <class Enum>
struct Choice {
  std::string_view name;
  std::optional<Enum> value;
};

/// Returns the name of an enum's value. Lifetime: static.
template <class Enum>
constexpr std::string_view name_of(Enum value) {
  for (const Choice<Enum>& choice : choices(value))
    if (choice.value == value) return choice.name;
  return "?";
}

/// A file or prefix and its share of the whole; weights need not sum to one.
struct WeightedPath {
  std::string path;
  double weight = 1;
  std::string name = {};  ///< what figures of it go by, of several paths perhaps; empty: the path

  const std::string& name_or_path() const { return name.empty() ? path : name; }
  bool operator==(const WeightedPath&) const = default;
};

/// Paths to draw from. In JSON a string, a list of strings, or a list of {"path": …, "weight": …, "name": …},
/// of which the path alone is required.
using Sources = std::vector<WeightedPath>;

}  // namespace tandem
