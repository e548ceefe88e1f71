// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/run_start.h"

#include <array>
#include <filesystem>
#include <functional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/ranges.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/observe/log.h"
#include "tandem/train/checkpointing.h"

namespace tandem::train {

namespace {

namespace fs = std::filesystem;
using checkpoint::Candidate;
using checkpoint::Role;
using checkpoint::StepReader;
using checkpoint::Tiers;

[[noreturn]] void throw_none_is_whole(const Tiers& tiers, const checkpoint::Failure& newest) {
  throw EnvironmentError("{}: none of its steps is whole; the newest: {}", tiers.durable.string(),
                         newest.message);
}

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
  if (first_failure && !tiers.local) throw_none_is_whole(tiers, *first_failure);
  return newest;
}

void check_start(const RunConfig& config, const data::Dataset& data, const ShardedModel& model,
                 const Tiers& tiers) {
  if (const auto newest = newest_within_reach(tiers))
    check_same_run(config, data, checkpoint::identity_of_run(config.run_directory), *newest);
  else if (config.checkpoint.start_from)
    StepReader::open(*config.checkpoint.start_from).require(model.table(), std::vector{Role::kParameter});
}

// Before anything is taken: the nodes' own folders hold nothing, or steps of this run.
void check_local_folders(const fs::path& folder, const Tiers& tiers, checkpoint::Agreement& agreement) {
  if (!tiers.local) return;
  const std::string run_id = checkpoint::on_first_rank(agreement, [&] {
    const auto identity = checkpoint::identity_of_run(folder);
    return identity ? identity->run_id : "";
  });
  checkpoint::on_every_rank(agreement, [&] { checkpoint::LocalFolder::check_owner(*tiers.local, run_id); });
}

// A tokenizer beside the steps is found by who reads them.
void copy_tokenizer(const data::Dataset& data, const fs::path& folder) {
  if (data.tokenizer_path())
    write_file_atomically(folder / "tokenizer.model", read_file(*data.tokenizer_path()));
}

Position position_of(const checkpoint::StepDescription& saved) {
  return {.step = saved.step,
          .optimizer_updates = saved.optimizer_updates,
          .skipped_in_a_row = saved.skipped_in_a_row,
          .validation_loss = saved.validation_loss};
}

// A step that the model was filled from.
struct Loaded {
  checkpoint::StepDescription description;
  bool is_local = false;  // some rank had a copy on its node's disk
};

// What this rank knows of the copies it read from, for rank 0 to tell.
std::string account_of(const StepReader& reader, const Tiers& tiers) {
  std::string account = tiers.local && reader.folder().parent_path() == *tiers.local ? "local" : "durable";
  for (const std::string& line : reader.detours()) account += "\n" + line;
  return account;
}

bool tell_detours(const std::vector<std::string>& accounts) {
  bool is_local = false;
  for (size_t rank = 0; rank < accounts.size(); ++rank) {
    std::istringstream lines(accounts[rank]);
    std::string line;
    std::getline(lines, line);
    is_local |= line == "local";
    while (std::getline(lines, line)) observe::process_log()->warning("rank {}: {}", rank, line);
  }
  return is_local;
}

// Names the folders of a step, for people.
std::string where_is(const Tiers& tiers, const Candidate& candidate) {
  const std::vector<fs::path> folders = tiers.folders_of(candidate.step);
  if (!candidate.is_local) return folders.back().string();
  if (!candidate.is_durable) return folders.front().string();
  return fmt::format("{} and {}", folders.front().string(), folders.back().string());
}

// Opens a step on all ranks and fills the model from it. What one rank cannot do, none has done.
Loaded load_step(const Tiers& tiers, ShardedModel& model, std::span<const Role> roles,
                 const std::function<StepReader()>& open) {
  GroupAgreement agreement(model.groups().world);
  std::optional<StepReader> reader;
  checkpoint::on_every_rank(agreement, [&] { reader.emplace(open()); });
  load_model(model, *reader, roles);
  const std::vector<std::string> accounts = agreement.gather(account_of(*reader, tiers));
  const bool is_local = agreement.broadcast(tell_detours(accounts) ? "local" : "") == "local";
  return {.description = reader->manifest().description, .is_local = is_local};
}

// Steps that were passed over are out of the way of those that the run saves again.
void put_aside_all(std::span<const Candidate> passed_over, const HeldRun& run, const comm::Group& world) {
  GroupAgreement agreement(world);
  std::string told;
  checkpoint::on_every_rank(agreement, [&] {
    for (const Candidate& candidate : passed_over)
      for (const fs::path& aside : put_aside(run.tiers, candidate, agreement.rank()))
        told += aside.string() + "\n";
  });
  for (const std::string& paths : agreement.gather(told)) {
    std::istringstream lines(paths);
    for (std::string path; std::getline(lines, path);)
      observe::process_log()->warning("{}: put aside; remove it once it is of no use", path);
  }
}

// Of the steps up to the one that was loaded, those that may have no copy yet.
std::vector<checkpoint::KeptStep> local_steps(std::span<const Candidate> candidates, const Loaded& loaded) {
  std::vector<checkpoint::KeptStep> steps;
  for (auto candidate = candidates.rbegin(); candidate + 1 != candidates.rend(); ++candidate)
    if (candidate->is_local && !candidate->is_durable && !candidate->seal.empty())
      steps.push_back({.step = candidate->step, .validation_loss = {}});
  if (loaded.is_local)
    steps.push_back({.step = loaded.description.step, .validation_loss = loaded.description.validation_loss});
  return steps;
}

std::optional<Start> resume(const RunConfig& config, const data::Dataset& data, ShardedModel& model,
                            const HeldRun& run) {
  constexpr std::array kAll{Role::kParameter, Role::kMoment1, Role::kMoment2};
  GroupAgreement agreement(model.groups().world);
  const auto log = observe::process_log();
  std::optional<checkpoint::Failure> newest_failure;
  const std::vector<Candidate> candidates = find_candidates(run.tiers, agreement);
  for (size_t number = 0; number < candidates.size(); ++number) {
    const Candidate& candidate = candidates[number];
    std::optional<Loaded> loaded;
    const auto failure = checkpoint::attempt([&] {
      loaded = load_step(run.tiers, model, kAll, [&] {
        StepReader reader = open_candidate(run.tiers, candidate);
        check_same_run(config, data, run.identity, reader);
        return reader;
      });
    });
    const std::string name = where_is(run.tiers, candidate);
    if (loaded) {
      put_aside_all(std::span(candidates).first(number), run, model.groups().world);
      const Position position = position_of(loaded->description);
      model.optimizer().set_num_updates(position.optimizer_updates);
      log->info("resumed at step {} from {}", position.step, name);
      return Start{.position = position,
                   .is_durable = !loaded->is_local,
                   .local = local_steps(std::span(candidates).subspan(number), *loaded)};
    }
    if (failure->kind != ErrorKind::kEnvironment ||
        config.checkpoint.on_corrupt == checkpoint::OnCorrupt::kStop)
      raise(*failure);
    log->warning("{} is passed over: {}", name, failure->message);
    if (!newest_failure) newest_failure = failure;
  }
  if (newest_failure) throw_none_is_whole(run.tiers, *newest_failure);
  return std::nullopt;
}

void start_from(const fs::path& source, const data::Dataset& data, ShardedModel& model) {
  GroupAgreement agreement(model.groups().world);
  const fs::path step =
      checkpoint::on_first_rank(agreement, [&] { return StepReader::open(source).folder().string(); });
  const checkpoint::StepDescription saved = load_step({}, model, std::array{Role::kParameter}, [&] {
                                              return StepReader::open_step(step);
                                            }).description;
  const auto log = observe::process_log();
  log->info("started from the weights of {}; moments, steps and sample order are fresh", step.string());
  if (const auto difference = token_difference(data, saved); !difference.empty())
    log->warning("the data are not those of these weights: {}", difference);
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
  check_local_folders(folder, tiers, agreement);
  const std::string told = checkpoint::on_first_rank(agreement, [&] {
    check_start(config, data, model, tiers);
    run.folder.emplace(checkpoint::RunFolder::open(folder, config.checkpoint.directory));
    write_file_atomically(folder / "config.json", run_config_json(config));
    copy_tokenizer(data, folder);
    if (config.checkpoint.directory) copy_tokenizer(data, *config.checkpoint.directory);
    return fmt::format("{} {}", run.folder->identity().generation, run.folder->identity().run_id);
  });
  const size_t space = told.find(' ');
  run.identity = {.run_id = told.substr(space + 1), .generation = std::stoll(told.substr(0, space))};
  if (tiers.local)
    checkpoint::on_every_rank(agreement, [&] {
      if (tiers.local_keeper == checkpoint::Keeper::kThisRank)
        run.local.emplace(checkpoint::LocalFolder::open(
            *tiers.local, {.run_id = run.identity.run_id, .checkpoints = fs::absolute(tiers.durable)}));
    });
  return run;
}

Start restore(const RunConfig& config, const data::Dataset& data, ShardedModel& model, const HeldRun& run) {
  if (const std::optional<Start> start = resume(config, data, model, run)) return *start;
  if (config.checkpoint.start_from) start_from(*config.checkpoint.start_from, data, model);
  return {};
}

}  // namespace tandem::train
