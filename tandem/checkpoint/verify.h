// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tandem/checkpoint/agreement.h"
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

/// Reads back a step that all ranks reach: each file by another rank than the one that wrote it, where there
/// is one. `writers` are those of the manifest's files; without it file n is taken for that of rank n. All
/// ranks call; a damage found by one is an EnvironmentError on all.
void read_back(const std::filesystem::path& step_folder, std::span<const int> writers, Agreement& agreement);

/// Reads every byte of a step's files on `threads` threads and holds it against its checksum, with one chunk
/// of memory a thread. Damage does not end it: all of it is found; what cannot be looked at does. Opening the
/// step has checked the manifest and the sizes already.
Verification verify(const StepReader& step, int threads, const ByteProgress& progress = {});

}  // namespace tandem::checkpoint
