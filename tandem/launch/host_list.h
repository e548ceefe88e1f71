// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::launch {

/// What a Slurm node list says, without spelling it out.
struct HostList {
  std::string first;
  int64_t count = 0;
};

/// Parses a list as in `login1,node[003-010,12],rack[1-2]n[01-04]-ib`. A number keeps the width it is written
/// in. Throws InputError on a malformed list.
/// Source: the "Hostlist Expressions" of scontrol(1).
HostList parse_host_list(std::string_view list);

/// Returns the entry of node `index` in a list of tasks by node, as in `2(x3),1`; 0 past its end. Throws
/// InputError on a malformed list. Source: SLURM_TASKS_PER_NODE in srun(1).
int64_t tasks_of_node(std::string_view list, int64_t index);

}  // namespace tandem::launch
