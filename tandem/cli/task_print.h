// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

namespace tandem::cli {

/// Prints what describe_task describes, for people to read.
void print_task(const nlohmann::ordered_json& task);
/// Prints what describe_task_data describes, for people to read.
void print_task_data(const nlohmann::ordered_json& document);

}  // namespace tandem::cli
