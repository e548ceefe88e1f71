// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/run_start.h"

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/ranges.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/reader.h"
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

Position resume(const StepReader& reader, ShardedModel& model) {
  load_model(model, reader, std::vector{Role::kParameter, Role::kMoment1, Role::kMoment2});
  const checkpoint::StepDescription& saved = reader.manifest().description;
  model.optimizer().set_num_updates(saved.optimizer_updates);
  observe::process_log()->info("resumed at step {} from {}", saved.step, reader.folder().string());
  return {.step = saved.step,
          .optimizer_updates = saved.optimizer_updates,
          .skipped_in_a_row = saved.skipped_in_a_row};
}

void start_from(const StepReader& reader, const data::Dataset& data, ShardedModel& model) {
  load_model(model, reader, std::vector{Role::kParameter});
  const auto log = observe::process_log();
  log->info("started from the weights of {}; moments, steps and sample order are fresh",
            reader.folder().string());
  if (const auto difference = token_difference(data, reader.manifest().description); !difference.empty())
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
  GroupAgreement agreement(model.groups().world);
  const auto open = [&](const std::function<std::optional<StepReader>()>& choose) {
    std::optional<StepReader> reader = open_together(agreement, choose);
    if (reader)
      for (const std::string& line : reader->passed_over()) observe::process_log()->warning("{}", line);
    return reader;
  };
  if (const auto newest = open([&] { return StepReader::open_newest(checkpoint_directory(config)); }))
    return resume(*newest, model);
  if (config.checkpoint.start_from)
    start_from(*open([&] { return std::optional(StepReader::open(*config.checkpoint.start_from)); }), data,
               model);
  return {};
}

}  // namespace tandem::train
