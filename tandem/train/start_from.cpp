// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/start_from.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/ranges.h>

#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/checkpoint/step_folders.h"
#include "tandem/observe/log.h"
#include "tandem/train/checkpointing.h"
#include "tandem/train/resume.h"

namespace tandem::train {

namespace {

namespace fs = std::filesystem;
using checkpoint::Role;
using checkpoint::StepReader;

void tell_detours(const std::vector<std::string>& of_ranks) {
  for (size_t rank = 0; rank < of_ranks.size(); ++rank) {
    std::istringstream lines(of_ranks[rank]);
    for (std::string line; std::getline(lines, line);)
      observe::process_log()->warning("rank {}: {}", rank, line);
  }
}

// The steps that a folder offers, from the one to try first; itself where it is one or offers none.
std::vector<fs::path> steps_offered(const fs::path& source) {
  std::error_code ignored;
  std::vector<fs::path> steps;
  if (!fs::exists(source / checkpoint::Manifest::kFileName, ignored)) {
    std::vector<checkpoint::FoundStep> found = checkpoint::find_steps(source);
    if (found.empty()) found = checkpoint::find_steps(checkpoint::checkpoints_of_run(source));
    for (const checkpoint::FoundStep& step : found) steps.insert(steps.begin(), step.folder);
  }
  if (steps.empty()) steps.push_back(StepReader::open(source).folder());
  return steps;
}

}  // namespace

checkpoint::StepDescription load_step(ShardedModel& model, std::span<const Role> roles,
                                      const std::function<StepReader()>& open) {
  GroupAgreement agreement(model.groups().world);
  std::optional<StepReader> reader;
  checkpoint::on_every_rank(agreement, [&] { reader.emplace(open()); });
  load_model(model, *reader, roles);
  tell_detours(agreement.gather(fmt::format("{}", fmt::join(reader->detours(), "\n"))));
  return reader->manifest().description;
}

std::optional<checkpoint::Failure> try_step(const std::string& name, checkpoint::OnCorrupt on_corrupt,
                                            const std::function<void()>& load) {
  auto damage = checkpoint::damage_found(load);
  if (damage && on_corrupt == checkpoint::OnCorrupt::kStop) raise(*damage);
  if (damage) observe::process_log()->warning("{} is passed over: {}", name, damage->message);
  return damage;
}

void throw_none_is_whole(const fs::path& folder, const checkpoint::Failure& newest) {
  throw EnvironmentError("{}: none of its steps is whole; the newest: {}", folder.string(), newest.message);
}

void start_from(const RunConfig& config, const data::Dataset& data, ShardedModel& model) {
  const fs::path source = config.checkpoint.start_from.value();
  GroupAgreement agreement(model.groups().world);
  const auto log = observe::process_log();
  std::vector<fs::path> offered;  // to rank 0
  std::optional<checkpoint::Failure> newest_damage;
  checkpoint::StepDescription saved;
  for (size_t number = 0;; ++number) {
    const std::string step = checkpoint::on_first_rank(agreement, [&]() -> std::string {
      if (number == 0) offered = steps_offered(source);
      return number < offered.size() ? offered[number].string() : "";
    });
    if (step.empty()) throw_none_is_whole(source, *newest_damage);
    // One that was named is the one or none.
    const auto on_corrupt =
        step == source.string() ? checkpoint::OnCorrupt::kStop : config.checkpoint.on_corrupt;
    const auto damage = try_step(step, on_corrupt, [&] {
      saved = load_step(model, std::array{Role::kParameter}, [&] {
        StepReader reader = StepReader::open_step(step);
        check_same_model(config, reader);
        return reader;
      });
    });
    if (!damage) {
      log->info("started from the weights of {}; moments, steps and sample order are fresh", step);
      break;
    }
    if (!newest_damage) newest_damage = damage;
  }
  if (const auto difference = token_difference(data, saved); !difference.empty())
    log->warning("the data are not those of these weights: {}", difference);
}

}  // namespace tandem::train
