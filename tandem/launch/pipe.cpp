// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/pipe.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>

#include "tandem/base/error.h"

namespace tandem::launch {

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw EnvironmentError("cannot make a pipe: {}", std::strerror(errno));
  return {.read_end = Descriptor(ends[0]), .write_end = Descriptor(ends[1])};
}

}  // namespace tandem::launch
