// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/run_start.h"

#include <array>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <fmt/ranges.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/step_folders.h"
#include "tandem/observe/log.h"
#include "tandem/train/checkpointing.h"

namespace tandem::train {

namespace {

namespace fs = std::filesystem;
using checkpoint::Role;
using checkpoint::StepReader;

void check_start(const RunConfig& config, const data::Dataset& data, const ShardedModel& model) {
  if (const auto newest = StepReader::open_newest(checkpoint_directory(config)))
    check_same_run(config, data, checkpoint::identity_of_run(config.run_directory), *newest);
  else if (config.checkpoint.start_from)
    StepReader::open(*config.checkpoint.start_from).require(model.table(), std::vector{Role::kParameter});
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

// Opens a step on all ranks and fills the model from it. What one rank cannot do, none has done.
checkpoint::StepDescription load_step(const fs::path& folder, ShardedModel& model,
                                      std::span<const Role> roles) {
  GroupAgreement agreement(model.groups().world);
  std::optional<StepReader> reader;
  checkpoint::on_every_rank(agreement, [&] { reader.emplace(StepReader::open_step(folder)); });
  load_model(model, *reader, roles);
  return reader->manifest().description;
}

// The newest step below `below` that rank 0 sees; "" where there is none.
fs::path step_before(const fs::path& folder, int64_t below, checkpoint::Agreement& agreement) {
  return checkpoint::on_first_rank(agreement, [&] {
    fs::path newest;
    for (const checkpoint::FoundStep& found : checkpoint::find_steps(folder))
      if (found.step < below) newest = found.folder;
    return newest.string();
  });
}

std::optional<Position> resume(const RunConfig& config, ShardedModel& model) {
  const fs::path folder = checkpoint_directory(config);
  GroupAgreement agreement(model.groups().world);
  const auto log = observe::process_log();
  std::optional<checkpoint::Failure> newest_failure;
  int64_t below = std::numeric_limits<int64_t>::max();
  for (;;) {
    const fs::path step = step_before(folder, below, agreement);
    if (step.empty()) break;
    std::optional<Position> position;
    const auto failure = checkpoint::attempt([&] {
      constexpr std::array kAll{Role::kParameter, Role::kMoment1, Role::kMoment2};
      position = position_of(load_step(step, model, kAll));
    });
    if (position) {
      model.optimizer().set_num_updates(position->optimizer_updates);
      log->info("resumed at step {} from {}", position->step, step.string());
      return position;
    }
    if (failure->kind != ErrorKind::kEnvironment ||
        config.checkpoint.on_corrupt == checkpoint::OnCorrupt::kStop)
      raise(*failure);
    log->warning("{} is passed over: {}", step.string(), failure->message);
    if (!newest_failure) newest_failure = failure;
    below = *checkpoint::step_of_folder_name(step.filename().string());
  }
  if (newest_failure)
    throw EnvironmentError("{}: none of its steps is whole; the newest: {}", folder.string(),
                           newest_failure->message);
  return std::nullopt;
}

void start_from(const fs::path& source, const data::Dataset& data, ShardedModel& model) {
  GroupAgreement agreement(model.groups().world);
  const fs::path step =
      checkpoint::on_first_rank(agreement, [&] { return StepReader::open(source).folder().string(); });
  const checkpoint::StepDescription saved = load_step(step, model, std::array{Role::kParameter});
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

HeldRun take_run(const RunConfig& config, const data::Dataset& data, const ShardedModel& model) {
  const fs::path folder = config.run_directory;
  HeldRun run;
  GroupAgreement agreement(model.groups().world);
  const std::string told = checkpoint::on_first_rank(agreement, [&] {
    check_start(config, data, model);
    run.folder.emplace(checkpoint::RunFolder::open(folder, config.checkpoint.directory));
    write_file_atomically(folder / "config.json", run_config_json(config));
    copy_tokenizer(data, folder);
    if (config.checkpoint.directory) copy_tokenizer(data, *config.checkpoint.directory);
    return fmt::format("{} {}", run.folder->identity().generation, run.folder->identity().run_id);
  });
  const size_t space = told.find(' ');
  run.identity = {.run_id = told.substr(space + 1), .generation = std::stoll(told.substr(0, space))};
  return run;
}

Position restore(const RunConfig& config, const data::Dataset& data, ShardedModel& model) {
  if (const std::optional<Position> position = resume(config, model)) return *position;
  if (config.checkpoint.start_from) start_from(*config.checkpoint.start_from, data, model);
  return {};
}

}  // namespace tandem::train
