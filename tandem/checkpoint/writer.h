// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/byte_source.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/rank_report.h"
#include "tandem/checkpoint/shard_file.h"
#include "tandem/checkpoint/unfinished_step.h"
#include "tandem/layout/tensor_spec.h"

namespace tandem::checkpoint {

/// A part of one tensor that a rank hands over to be stored.
struct Piece {
  size_t tensor = 0;  ///< index in the list of specs
  layout::BoxRange range;
  /// Its elements, for each of the description's roles in their order and type. Pieces without elements are
  /// passed over.
  std::vector<ByteSource> values;
};

/// Which rank prepares and publishes the folder that a rank writes into.
enum class Keeper {
  kFirstRank,  ///< rank 0: all ranks share one folder
  kThisRank,   ///< this one, as the first of its node: each node has a folder of its own
  kPeer,       ///< another one of this rank's node
};

/// Where a step is saved, and what it is. Equal on all ranks that save it, but for the place where each node
/// has its own.
struct NewStep {
  std::filesystem::path folder;  ///< of steps: a run's `checkpoints/`, created if need be
  Keeper keeper = Keeper::kFirstRank;
  StepDescription description;
  std::vector<layout::TensorSpec> tensors;  ///< all of the model, those of other ranks too
  std::optional<int64_t> chunk_bytes = {};  ///< unset: usual_chunk_bytes
};

/// The parts of saving a step; save_step says what they come to. The step must outlive this.
class StepWriter {
 public:
  explicit StepWriter(const NewStep& step);

  /// Returns the folder that the step will have.
  const std::filesystem::path& step_folder() const { return place_.step_folder(); }

  /// Makes room for the step: once a folder, before any rank writes there. Leaves nothing where it fails.
  void prepare() const { place_.prepare(); }
  /// Writes the file of rank `rank`. What fails is told in the report. Ranks may write at once.
  RankReport write(std::span<const Piece> pieces, int rank) const;
  /// Checks what all ranks wrote, in their order, and returns the manifest of it.
  std::string manifest_text(const std::vector<RankReport>& reports) const;
  /// Makes the step visible: once a folder.
  void publish(const std::string& manifest) const { place_.publish(manifest); }
  /// Leaves nothing of a step that is not published.
  void discard() const { place_.discard(); }
  /// Checks and publishes, or discards: for one process that keeps the folder.
  void commit(const std::vector<RankReport>& reports) const;

 private:
  std::optional<StoredFile> write_file(std::span<const Piece> pieces, int rank) const;
  std::vector<NewEntry> entries_of(std::span<const Piece> pieces) const;

  const NewStep& step_;
  int64_t chunk_bytes_ = 0;
  UnfinishedStep place_;
};

/// Saves one step and returns its folder. All ranks call it with an equal `step`; `pieces` are the rank's
/// own, of any number. Together they must hold each element of each
/// tensor, for each of the description's roles, exactly once.
///
/// The step's folder appears by one rename once all is on the disk: each rank writes a shard file into a
/// hidden folder, rank 0 gathers what was written, checks it and makes the manifest, and the keeper of the
/// folder writes that and publishes. What earlier saves left unfinished is removed first. Nothing is
/// overwritten: a whole step of that number is an InputError, a damaged one is renamed to `void_…`. Where
/// each node has a folder of its own, it holds the files of its ranks, and all have the same manifest.
///
/// Communicates: two broadcasts and one gather of texts, all returning on every rank also when a rank fails;
/// with folders of nodes two gathers and a broadcast of the manifest more. A failure on one rank is thrown on
/// all, with its rank and its kind; nothing of the step stays, but for nodes that had published theirs when
/// another's disk failed: no step that can be read, since files are missing. Shard files and manifest are a
/// function of the arguments, but for the time of saving.
std::filesystem::path save_step(const NewStep& step, std::span<const Piece> pieces, Agreement& agreement);

}  // namespace tandem::checkpoint
