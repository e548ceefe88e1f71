// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tandem::cli {

/// From here on a data file that shrinks while it is mapped ends the process with one line that names it, and
/// exit code 3. Any other SIGBUS ends it as before.
void name_mapping_faults();

}  // namespace tandem::cli
