// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace tandem::fuzz {

/// Returns a JSON text with a few of its values changed, copied, moved or removed, so that it stays JSON;
/// nothing where `text` is none. Depends on its arguments alone, and on libFuzzer's mutator for texts.
std::optional<std::string> changed_json(const std::string& text, unsigned seed);

/// Is a custom mutator of libFuzzer for inputs that are JSON: changes values three times of four, bytes else.
size_t mutate_json(uint8_t* data, size_t size, size_t max_size, unsigned seed);

}  // namespace tandem::fuzz

/// libFuzzer's own mutator.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
