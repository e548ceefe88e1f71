// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tandem {

/// Returns the XXH3 hash of bytes, 128 bits as 32 hexadecimal digits. Not for secrets.
std::string content_hash(std::string_view bytes);

/// Returns the SHA-256 (FIPS 180-4) of bytes as 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);

}  // namespace tandem
