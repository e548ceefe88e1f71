// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include <nlohmann/json.hpp>

namespace tandem {

/// What of a text from outside is taken.
struct JsonLimits {
  size_t bytes = size_t{1} << 20;
  int depth = 64;
};

/// Parses JSON; // and /* */ comments are allowed. Throws InputError, which begins with `name`, for text that
/// is no JSON, is over a limit, holds one key twice in an object, or a number beyond double's range.
nlohmann::json parse_strict_json(const std::string& text, const std::string& name, JsonLimits limits = {});

/// Returns what is wrong, without the library's tag `[json.exception.parse_error.101] `, which says nothing
/// to a user.
std::string json_problem(const nlohmann::json::exception& error);

}  // namespace tandem
