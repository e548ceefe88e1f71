// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/supervisor.h"

#include <fcntl.h>

#include "tandem/launch/supervision.h"

namespace tandem::launch {

LaunchResult launch(const LaunchOptions& options, const Variables& variables) {
  // A pipe of a rank must not land on a standard descriptor that the caller had closed.
  for (int descriptor = 0; descriptor <= 2; ++descriptor)
    if (::fcntl(descriptor, F_GETFD) < 0) ::open("/dev/null", O_RDWR);
  return Supervisor(options, variables).run();
}

}  // namespace tandem::launch
