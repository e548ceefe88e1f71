// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tandem/tasks/rows.h"
#include "tandem/tasks/task.h"

namespace tandem::tasks {

/// Returns the lines that the benchmark takes: {"id": …, MEMBER: …} for each row of the test file, in its
/// order, with the types that the task says; `answers` are numbers of labels or candidates, one a row. Throws
/// InputError naming `test_file` and line for a row whose id is not of the task's type.
std::string submission_of(const Task& task, const Rows& rows, const std::vector<size_t>& answers,
                          const std::string& test_file);

/// Checks a submission against the rows of the test file that it answers: as many lines, the same ids in the
/// same order, both members and no others, of the right types, labels that the task has. Throws InputError
/// naming the file, called `name`, and line for the first that is wrong.
void check_submission(const Task& task, const Rows& rows, const std::string& lines, const std::string& name);

/// Returns what the benchmark calls a split's file where it takes one of each: the task's name for it with _0
/// to _4 or _all before .json.
std::string submission_name(const Task& task, const std::string& split);

/// Tells whether a file's name is the task's for a submission, or that of one of its splits.
bool is_submission_name(const Task& task, const std::string& name);

}  // namespace tandem::tasks
