// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/tasks/task.h"
#include "tandem/tasks/user_members.h"

namespace tandem::tasks {

/// Reads how a task's results are scored, compared and handed in: `metric`, `floor`, `published`,
/// `submission`. The task's inputs and answers must be there. Throws InputError as parse_task does.
void read_results(UserMembers& members, Task& task);

}  // namespace tandem::tasks
