// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/writer.h"

namespace tandem::checkpoint {

/// Where the steps of a run lie, as one rank sees it.
struct Tiers {
  std::filesystem::path durable;  ///< folder of steps that all ranks reach
  /// Folder of steps on this node's own disk, where the run has such: saved there first, then copied.
  std::optional<std::filesystem::path> local = {};
  Keeper local_keeper = Keeper::kPeer;  ///< of the local folder

  /// Returns the folders that a copy of this step may have, nearest first.
  std::vector<std::filesystem::path> folders_of(int64_t step) const;
  /// Returns the folders of steps that a rank keeps.
  std::vector<std::filesystem::path> kept_by(int rank) const;
};

/// A step that some rank sees in some tier. Steps of one number with different manifests are different ones.
struct Candidate {
  int64_t step = 0;
  std::string seal;         ///< claimed_seal of its manifest
  int64_t generation = 0;   ///< claimed_generation; 0 where there is none
  bool is_local = false;    ///< some node has it, or a part of it
  bool is_durable = false;  ///< the shared folder has it
  bool operator==(const Candidate&) const = default;
};

/// Joins what keepers of folders see, newest first; of one number those of the latest start come first, then
/// those in the shared folder, and those without a seal last. Pure.
std::vector<Candidate> joined(std::vector<Candidate> seen);

/// Tells whether a run that goes on from the steps below has left this one behind: a later start saved one of
/// a lower number. It comes to light where a folder was away meanwhile. Pure.
bool is_left_behind(const Candidate& candidate, std::span<const Candidate> below);

/// Lists the steps of all tiers of all ranks, as `joined`; the same on every rank. All ranks call; one gather
/// and one broadcast.
std::vector<Candidate> find_candidates(const Tiers& tiers, Agreement& agreement);

/// Lists those that one rank reaches, as `joined`.
std::vector<Candidate> candidates_within_reach(const Tiers& tiers);

/// Opens a candidate as one rank reaches it: StepReader::open_copies. EnvironmentError with the reason where
/// it has no manifest that can be read.
StepReader open_candidate(const Tiers& tiers, const Candidate& candidate);

/// Removes the steps on the nodes' own disks but those that rank 0 names as `needed`. All ranks call, those
/// that keep a folder remove; one broadcast. Returns why this rank could not: it costs room, not a step.
std::optional<Failure> keep_only(const std::set<int64_t>& needed, const Tiers& tiers, Agreement& agreement);

/// Puts aside what lies under this candidate's number and seal in the folders that a rank keeps; returns the
/// new paths.
std::vector<std::filesystem::path> put_aside(const Tiers& tiers, const Candidate& candidate, int rank);

}  // namespace tandem::checkpoint
