// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace tandem {

/// Returns what this program was built from, for records: "0.1.0+g1a2b3c4d5e6f" with the git commit,
/// "0.1.0+g1a2b3c4d5e6f.modified" where the sources differed from it, "0.1.0+unknown" where they lay in no
/// git checkout or no program said.
std::string code_version();

/// Notes what stands behind the "+". A program's main calls it first: the libraries do not know the commit,
/// so that they and their tests need no new link for each one.
void set_source_commit(std::string commit);

}  // namespace tandem
