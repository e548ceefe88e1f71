// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/tasks/task.h"
#include "tandem/tasks/user_members.h"

namespace tandem::tasks {

/// Reads what the answers of a task are and how they are asked for: `labels` or `candidates`, then
/// `patterns`. The task's inputs must be there. Throws InputError as parse_task does.
void read_answers(UserMembers& members, Task& task);

}  // namespace tandem::tasks
