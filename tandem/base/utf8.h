// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace tandem {

/// Tells whether a byte of UTF-8 begins a character, and does not go on with one.
constexpr bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

/// Returns the number of characters (code points) of well-formed UTF-8.
inline int64_t num_characters(std::string_view text) { return std::ranges::count_if(text, begins_character); }

}  // namespace tandem
