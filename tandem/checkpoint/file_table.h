// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/checkpoint/manifest.h"

namespace tandem::checkpoint {

/// Whether members that nobody asked for are passed over: those of a newer minor version are.
enum class Unknown { kRefused, kPassedOver };

/// Reads a manifest's `tensors`: names and shapes. `place` names the manifest in messages. EnvironmentError
/// for what is none.
std::vector<StoredTensor> parse_tensors(const nlohmann::json& list, const std::string& place,
                                        Unknown unknown);

/// Reads a manifest's `files` and checks them against its roles and tensors, which must be there already:
/// names, sizes, checksums' number, that each range lies in its tensor and all of them cover each tensor
/// once. EnvironmentError otherwise.
std::vector<StoredFile> parse_files(const nlohmann::json& list, const Manifest& manifest,
                                    const std::string& place, Unknown unknown);

}  // namespace tandem::checkpoint
