// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/tiers.h"

#include <algorithm>
#include <sstream>
#include <tuple>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/numbers.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

enum class Tier { kLocal, kDurable };

void look_into(const fs::path& folder, Tier tier, std::vector<Candidate>& seen) {
  for (const FoundStep& found : find_steps(folder))
    seen.push_back({.step = found.step,
                    .seal = claimed_seal(found.folder),
                    .generation = claimed_generation(found.folder).value_or(0),
                    .is_local = tier == Tier::kLocal,
                    .is_durable = tier == Tier::kDurable});
}

std::string text_of(const std::vector<Candidate>& candidates) {
  std::string text;
  for (const Candidate& candidate : candidates)
    text += fmt::format("{}{} {} {} {}\n", candidate.is_local ? "L" : "", candidate.is_durable ? "D" : "",
                        candidate.step, candidate.generation, candidate.seal);
  return text;
}

std::vector<Candidate> candidates_of(const std::string& text) {
  std::vector<Candidate> candidates;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string tiers;
    Candidate& candidate = candidates.emplace_back();
    words >> tiers >> candidate.step >> candidate.generation >> candidate.seal;
    candidate.is_local = tiers.find('L') != std::string::npos;
    candidate.is_durable = tiers.find('D') != std::string::npos;
  }
  return candidates;
}

}  // namespace

std::vector<fs::path> Tiers::folders_of(int64_t step) const {
  std::vector<fs::path> folders;
  if (local) folders.push_back(*local / step_folder_name(step));
  folders.push_back(durable / step_folder_name(step));
  return folders;
}

std::vector<fs::path> Tiers::kept_by(int rank) const {
  std::vector<fs::path> folders;
  if (local && local_keeper == Keeper::kThisRank) folders.push_back(*local);
  if (rank == 0) folders.push_back(durable);
  return folders;
}

std::vector<Candidate> joined(std::vector<Candidate> seen) {
  std::vector<Candidate> candidates;
  for (Candidate& one : seen) {
    const auto same = std::ranges::find_if(
        candidates, [&](const Candidate& other) { return other.step == one.step && other.seal == one.seal; });
    if (same == candidates.end()) {
      candidates.push_back(std::move(one));
    } else {
      same->is_local |= one.is_local;
      same->is_durable |= one.is_durable;
    }
  }
  std::ranges::stable_sort(candidates, {}, [](const Candidate& candidate) {
    return std::tuple(-candidate.step, candidate.seal.empty(), -candidate.generation, !candidate.is_durable);
  });
  return candidates;
}

bool is_left_behind(const Candidate& candidate, std::span<const Candidate> below) {
  return !candidate.seal.empty() && std::ranges::any_of(below, [&](const Candidate& other) {
    return other.step < candidate.step && other.generation > candidate.generation;
  });
}

std::vector<Candidate> find_candidates(const Tiers& tiers, Agreement& agreement) {
  std::vector<Candidate> mine;
  on_every_rank(agreement, [&] {
    if (tiers.local && tiers.local_keeper == Keeper::kThisRank) look_into(*tiers.local, Tier::kLocal, mine);
    if (agreement.rank() == 0) look_into(tiers.durable, Tier::kDurable, mine);
  });
  const std::vector<std::string> all = agreement.gather(text_of(mine));
  std::vector<Candidate> seen;
  for (const std::string& text : all)
    for (Candidate& candidate : candidates_of(text)) seen.push_back(std::move(candidate));
  return candidates_of(agreement.broadcast(text_of(joined(std::move(seen)))));
}

std::vector<Candidate> candidates_within_reach(const Tiers& tiers) {
  std::vector<Candidate> seen;
  if (tiers.local) look_into(*tiers.local, Tier::kLocal, seen);
  look_into(tiers.durable, Tier::kDurable, seen);
  return joined(std::move(seen));
}

StepReader open_candidate(const Tiers& tiers, const Candidate& candidate) {
  const std::vector<fs::path> folders = tiers.folders_of(candidate.step);
  if (!tiers.local) return StepReader::open_step(folders.back());
  if (!candidate.seal.empty()) return StepReader::open_copies(folders, candidate.seal);
  for (const fs::path& folder : folders)
    if (is_there(folder) && claimed_seal(folder).empty()) StepReader::open_step(folder);
  throw EnvironmentError("{}: has no manifest that can be read", folders.back().string());
}

std::optional<Failure> keep_only(const std::set<int64_t>& needed, const Tiers& tiers, Agreement& agreement) {
  const auto kept = numbers_of<int64_t>(agreement.broadcast(text_of_numbers(needed)));
  if (!tiers.local || tiers.local_keeper != Keeper::kThisRank) return std::nullopt;
  return attempt([&] {
    for (const FoundStep& found : find_steps(*tiers.local))
      if (std::ranges::find(kept, found.step) == kept.end()) remove_step(found.folder);
  });
}

std::vector<fs::path> put_aside(const Tiers& tiers, const Candidate& candidate, int rank) {
  std::vector<fs::path> aside;
  for (const fs::path& folder : tiers.kept_by(rank)) {
    const fs::path step = folder / step_folder_name(candidate.step);
    if (is_there(step) && claimed_seal(step) == candidate.seal) aside.push_back(put_aside(step));
  }
  return aside;
}

}  // namespace tandem::checkpoint
