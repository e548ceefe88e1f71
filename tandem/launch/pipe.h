// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tandem/base/descriptor.h"

namespace tandem::launch {

/// A pipe; its ends are not inherited by programs started later.
struct Pipe {
  Descriptor read_end, write_end;
};

/// Makes a pipe. Throws EnvironmentError where no descriptor is left.
Pipe make_pipe();

}  // namespace tandem::launch
