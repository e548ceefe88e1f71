// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tandem/checkpoint/byte_progress.h"
#include "tandem/checkpoint/reader.h"

namespace tandem::checkpoint {

/// What came of reading a whole step.
struct Verification {
  int64_t files = 0;
  int64_t bytes = 0;
  std::vector<std::string> damages;  ///< a line each, in the order of the files; names file, bytes, tensors
};

/// Reads every byte of one file of a step and holds it against its checksum. EnvironmentError at the first
/// damage.
void verify_file(const StepReader& step, size_t file);

/// Reads every byte of a step's files on `threads` threads and holds it against its checksum, with one chunk
/// of memory a thread. Damage does not end it: all of it is found. Opening the step has checked the manifest
/// and the sizes already.
Verification verify(const StepReader& step, int threads, const ByteProgress& progress = {});

}  // namespace tandem::checkpoint
