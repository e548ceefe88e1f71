// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/run_start.h"

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/ranges.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/base/paths.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/step_folders.h"
#include "tandem/observe/log.h"
#include "tandem/train/checkpointing.h"
#include "tandem/train/resume.h"
#include "tandem/train/start_from.h"

namespace tandem::train {

namespace {

namespace fs = std::filesystem;
using checkpoint::Candidate;
using checkpoint::Role;
using checkpoint::StepReader;
using checkpoint::Tiers;

// The newest step with a manifest, for its facts; whether its files are good, loading tells.
std::optional<StepReader> newest_within_reach(const Tiers& tiers) {
  std::optional<StepReader> newest;
  std::optional<checkpoint::Failure> first_failure;
  for (const Candidate& candidate : checkpoint::candidates_within_reach(tiers)) {
    const auto failure = checkpoint::attempt([&] { newest.emplace(open_candidate(tiers, candidate)); });
    if (newest) return newest;
    if (failure->kind != ErrorKind::kEnvironment) raise(*failure);
    if (!first_failure) first_failure = failure;
  }
  // None of them may be within this rank's reach, yet be good: with one tier they are what there is.
  if (first_failure && !tiers.local) throw_none_is_whole(tiers.durable, *first_failure);
  return newest;
}

// The folder's own steps are the run's: without its record, it cannot know.
[[noreturn]] void throw_record_is_missing(const RunConfig& config, const StepReader& newest) {
  const checkpoint::StepDescription& saved = newest.manifest().description;
  throw InputError(
      "{}/run.json is missing, and {} was saved by the run that it told of; put it back as "
      R"({{"format": {{"major": 1, "minor": 0}}, "run_id": "{}", "generation": {}}})"
      ", or start from those weights in another run_directory with checkpoint.start_from",
      config.run_directory, newest.folder().string(), saved.run_id, saved.generation);
}

void check_start(const RunConfig& config, const data::Dataset& data, const ShardedModel& model,
                 const Tiers& tiers) {
  if (const auto newest = newest_within_reach(tiers)) {
    const auto identity = checkpoint::identity_of_run(config.run_directory);
    if (!identity && !config.checkpoint.directory) throw_record_is_missing(config, *newest);
    check_same_run(config, data, identity, *newest);
  } else if (const fs::path before = checkpoint::checkpoints_of_run(config.run_directory);
             !is_same_place(before, checkpoint_directory(config)) &&
             !checkpoint::find_steps(before).empty()) {
    throw InputError(
        "{}: this run's checkpoints lie in {}, and checkpoint.directory is {}, which has none; give that "
        "folder, or "
        "another run_directory",
        config.run_directory, before.string(), checkpoint_directory(config));
  } else if (config.checkpoint.start_from) {
    const StepReader weights = StepReader::open(*config.checkpoint.start_from);
    check_same_model(config, weights);
    weights.require(model.table(), std::vector{Role::kParameter});
  }
}

// The nodes' own folders hold nothing, or steps of this run.
void check_local_folders(const fs::path& folder, const Tiers& tiers, checkpoint::Agreement& agreement) {
  const std::string run_id = checkpoint::on_first_rank(agreement, [&] {
    const auto identity = checkpoint::identity_of_run(folder);
    return identity ? identity->run_id : "";
  });
  checkpoint::on_every_rank(agreement, [&] {
    checkpoint::LocalFolder::check_owner(*tiers.local, {.run_id = run_id, .checkpoints = tiers.durable});
  });
}

// A tokenizer beside the steps is found by who reads them.
void copy_tokenizer(const data::Dataset& data, const fs::path& folder) {
  if (data.tokenizer_path())
    write_file_atomically(folder / "tokenizer.model", read_file(*data.tokenizer_path()));
}

}  // namespace

void check_ranks_agree(const RunConfig& config, const data::Dataset& data, const comm::Group& world) {
  const std::vector<std::string> shared = world.all_gather_text(what_ranks_share(config, data));
  std::vector<size_t> others;
  for (size_t rank = 0; rank < shared.size(); ++rank)
    if (shared[rank] != shared[0]) others.push_back(rank);
  if (!others.empty())
    throw InputError("rank {}: another configuration or other data than rank 0's; give all the same",
                     fmt::join(others, ", "));
}

checkpoint::Tiers tiers_of(const RunConfig& config, const launch::RankEnvironment& environment) {
  Tiers tiers{.durable = checkpoint_directory(config)};
  if (config.checkpoint.local_directory) tiers.local = *config.checkpoint.local_directory;
  tiers.local_keeper =
      environment.local_rank == 0 ? checkpoint::Keeper::kThisRank : checkpoint::Keeper::kPeer;
  return tiers;
}

void HeldRun::check() const {
  if (folder) folder->check();
  if (local) local->check();
}

HeldRun take_run(const RunConfig& config, const data::Dataset& data, const ShardedModel& model,
                 const checkpoint::Tiers& tiers) {
  const fs::path folder = config.run_directory;
  HeldRun run{.folder = {}, .local = {}, .identity = {}, .tiers = tiers};
  GroupAgreement agreement(model.groups().world);
  const bool is_keeper = tiers.local && tiers.local_keeper == checkpoint::Keeper::kThisRank;
  if (tiers.local) check_local_folders(folder, tiers, agreement);
  checkpoint::on_first_rank(agreement, [&] { return check_start(config, data, model, tiers), ""; });
  checkpoint::on_every_rank(agreement, [&] {
    if (is_keeper) run.local.emplace(checkpoint::LocalFolder::open(*tiers.local));
  });
  const std::string told = checkpoint::on_first_rank(agreement, [&] {
    run.folder.emplace(checkpoint::RunFolder::open(folder, config.checkpoint.directory));
    write_file_atomically(folder / "config.json", run_config_json(config));
    copy_tokenizer(data, folder);
    if (config.checkpoint.directory) copy_tokenizer(data, *config.checkpoint.directory);
    return fmt::format("{} {}", run.folder->identity().generation, run.folder->identity().run_id);
  });
  const size_t space = told.find(' ');
  run.identity = {.run_id = told.substr(space + 1), .generation = std::stoll(told.substr(0, space))};
  checkpoint::on_every_rank(agreement, [&] {
    if (is_keeper)
      run.local->mark({.run_id = run.identity.run_id, .checkpoints = fs::absolute(tiers.durable)});
  });
  return run;
}

}  // namespace tandem::train
