// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/restore.h"

#include <array>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/step_copy.h"
#include "tandem/observe/log.h"
#include "tandem/train/checkpointing.h"
#include "tandem/train/start_from.h"

namespace tandem::train {

namespace {

namespace fs = std::filesystem;
using checkpoint::Agreement;
using checkpoint::Candidate;
using checkpoint::Role;
using checkpoint::StepReader;
using checkpoint::Tiers;

Position position_of(const checkpoint::StepDescription& saved) {
  return {.step = saved.step,
          .optimizer_updates = saved.optimizer_updates,
          .skipped_in_a_row = saved.skipped_in_a_row,
          .validation_loss = saved.validation_loss};
}

// Names the folders of a step, for people.
std::string where_is(const Tiers& tiers, const Candidate& candidate) {
  const std::vector<fs::path> folders = tiers.folders_of(candidate.step);
  if (!candidate.is_local) return folders.back().string();
  if (!candidate.is_durable) return folders.front().string();
  return fmt::format("{} and {}", folders.front().string(), folders.back().string());
}

// Steps that are not the run's any more are out of the way of those that it saves again.
void put_aside_all(std::span<const Candidate> steps, const HeldRun& run, Agreement& agreement) {
  std::string told;
  checkpoint::on_every_rank(agreement, [&] {
    for (const Candidate& candidate : steps)
      for (const fs::path& aside : put_aside(run.tiers, candidate, agreement.rank()))
        told += aside.string() + "\n";
  });
  for (const std::string& paths : agreement.gather(told)) {
    std::istringstream lines(paths);
    for (std::string path; std::getline(lines, path);)
      observe::process_log()->warning("{}: put aside; remove it once it is of no use", path);
  }
}

// What becomes of the steps up to the one that was loaded, which is the first of `candidates`.
struct Others {
  std::vector<checkpoint::KeptStep> local;  // those that may have no copy yet
  std::vector<Candidate> in_the_way;        // of a number that another step has
};

Others sort_out(const Tiers& tiers, std::span<const Candidate> candidates, int rank) {
  Others others;
  for (size_t place = 0; place < candidates.size(); ++place) {
    const Candidate& candidate = candidates[place];
    if (!candidate.is_local || candidate.seal.empty()) continue;
    if (place > 0 && candidates[place - 1].step == candidate.step) {
      others.in_the_way.push_back(candidate);
    } else if (place == 0 || !candidate.is_durable) {
      checkpoint::KeptStep step{.step = candidate.step, .validation_loss = {}, .seal = candidate.seal};
      // Rank 0 decides what is copied; what it cannot open, it cannot have copied either.
      if (rank == 0)
        checkpoint::attempt([&] {
          step.validation_loss = open_candidate(tiers, candidate).manifest().description.validation_loss;
        });
      others.local.push_back(std::move(step));
    }
  }
  return others;
}

// Loads a step; where some rank does not reach all that it reads, once more when it was copied to where all
// do.
void load_or_copy(const HeldRun& run, const Candidate& candidate, Agreement& agreement,
                  const std::function<void()>& load) {
  auto failure = checkpoint::attempt(load);
  if (!failure) return;
  if (failure->kind != ErrorKind::kEnvironment || failure->is_lost_peer || !candidate.is_local ||
      candidate.seal.empty())
    raise(*failure);
  const checkpoint::KeptStep step{.step = candidate.step, .validation_loss = {}, .seal = candidate.seal};
  const auto uncopied = checkpoint::attempt([&] { copy_step(run.tiers, step, agreement); });
  if (!uncopied) return load();
  // Where the copy would go another step of that number stands, or its own bytes are damaged.
  if (uncopied->kind != ErrorKind::kInput && !uncopied->is_damage()) raise(*uncopied);
  failure->message += "; nor can it be copied: " + uncopied->message;
  raise(*failure);
}

std::optional<Start> resume(const RunConfig& config, const data::Dataset& data, ShardedModel& model,
                            const HeldRun& run) {
  constexpr std::array kAll{Role::kParameter, Role::kMoment1, Role::kMoment2};
  GroupAgreement agreement(model.groups().world);
  const auto log = observe::process_log();
  std::optional<checkpoint::Failure> newest_damage;
  const std::vector<Candidate> candidates = find_candidates(run.tiers, agreement);
  for (size_t number = 0; number < candidates.size(); ++number) {
    const Candidate& candidate = candidates[number];
    const std::string name = where_is(run.tiers, candidate);
    if (is_left_behind(candidate, std::span(candidates).subspan(number + 1))) {
      log->warning("{} is passed over: a later start of this run went on from a step before it", name);
      continue;
    }
    Position position;
    const auto load = [&] {
      position = position_of(load_step(model, kAll, [&] {
        StepReader reader = open_candidate(run.tiers, candidate);
        check_same_run(config, data, run.identity, reader);
        return reader;
      }));
    };
    const auto damage =
        try_step(name, config.checkpoint.on_corrupt, [&] { load_or_copy(run, candidate, agreement, load); });
    if (!damage) {
      Others others = sort_out(run.tiers, std::span(candidates).subspan(number), agreement.rank());
      put_aside_all(std::span(candidates).first(number), run, agreement);
      put_aside_all(others.in_the_way, run, agreement);
      model.optimizer().set_num_updates(position.optimizer_updates);
      log->info("resumed at step {} from {}", position.step, name);
      return Start{.position = position, .is_durable = !candidate.is_local, .local = std::move(others.local)};
    }
    if (!newest_damage) newest_damage = damage;
  }
  if (newest_damage) throw_none_is_whole(run.tiers.durable, *newest_damage);
  return std::nullopt;
}

}  // namespace

Start restore(const RunConfig& config, const data::Dataset& data, ShardedModel& model, const HeldRun& run) {
  if (const std::optional<Start> start = resume(config, data, model, run)) return *start;
  if (run.identity.generation > 0)
    observe::process_log()->warning(
        "{}: this run was started before and none of its steps is there; it starts at step 0",
        checkpoint_directory(config));
  if (config.checkpoint.start_from) start_from(config, data, model);
  return {};
}

}  // namespace tandem::train
