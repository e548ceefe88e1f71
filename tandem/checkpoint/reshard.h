// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "tandem/checkpoint/byte_progress.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/layout/state_parts.h"

namespace tandem::checkpoint {

/// A number over the ranks.
struct RankFigure {
  double mean = 0;
  int64_t most = 0;
};

/// What it takes to bring a step to another layout.
struct ReshardFigures {
  int64_t ranks = 0;         ///< of the new layout
  int64_t stored_bytes = 0;  ///< of all files
  RankFigure wanted_bytes;   ///< that a rank keeps of the state and reads itself
  RankFigure read_bytes;     ///< of the chunks that hold them
  RankFigure files_touched;
  RankFigure transfers;  ///< stretches that are copied
};

/// Computes from manifest and layout alone what each rank reads when it loads all roles of the step, each
/// element by one of its replicas. No file is touched.
ReshardFigures plan_reshard(const Manifest& manifest, const layout::StateLayout& target);

/// Returns the manifest that a save from this layout would have, with made-up names and headers and without
/// checksums: for plans on paper. The description's roles say what is stored.
Manifest imagined_manifest(const layout::StateLayout& layout, const StepDescription& description);

/// Writes a step's values as ranks of another layout would have saved them, and returns the new step's
/// folder inside `folder`. One process, `threads` threads, each with at most 24 MiB, whatever the model's
/// size; what is read is verified. Nothing stays of a step that fails. Errors as StepReader::read and
/// StepWriter.
std::filesystem::path reshard(const StepReader& source, const layout::StateLayout& target,
                              const std::filesystem::path& folder, int threads,
                              const ByteProgress& progress = {});

}  // namespace tandem::checkpoint
