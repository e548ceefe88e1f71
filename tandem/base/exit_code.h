// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tandem {

/// Exit codes of a process that failed, one for each ErrorKind.
constexpr int kInputExit = 2;
constexpr int kEnvironmentExit = 3;
constexpr int kBugExit = 70;

}  // namespace tandem
