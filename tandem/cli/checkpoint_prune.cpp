// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tandem/base/error.h"
#include "tandem/base/paths.h"
#include "tandem/checkpoint/folder_lock.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/retention.h"
#include "tandem/checkpoint/step_folders.h"
#include "tandem/checkpoint/verify.h"
#include "tandem/cli/bytes_bar.h"
#include "tandem/cli/checkpoint_commands.h"
#include "tandem/cli/output.h"
#include "tandem/observe/host.h"

namespace tandem::cli {
namespace {

using checkpoint::StepReader;

struct PruneOptions {
  std::string folder;
  checkpoint::RetentionRule rule;
  bool json = false;
};

// Nobody chose this folder for a run: that it cannot be written is not a wrong argument.
checkpoint::FolderLock hold(const std::filesystem::path& steps) {
  try {
    return {steps, "folder"};
  } catch (const InputError&) {
    throw EnvironmentError(
        "{}: nothing is removed, since its run.lock cannot be opened for writing; check who may write there",
        steps.string());
  }
}

int prune(const PruneOptions& options) {
  // The newest step is read whole: it is what makes the others superfluous.
  const StepReader newest = open_step(options.folder);
  const std::filesystem::path steps = newest.folder().parent_path();
  if (is_same_place(newest.folder(), options.folder))
    throw InputError("{}: is one step; give the folder of a run or of steps", options.folder);
  const checkpoint::FolderLock lock = hold(steps);
  checkpoint::remove_leftovers(steps);
  BytesBar bar("verify");
  const auto result = checkpoint::verify(newest, observe::usable_cores(), bar.updates());
  bar.finish();
  if (!result.damages.empty())
    throw EnvironmentError("{}: its newest step is damaged, so nothing is removed: {}", options.folder,
                           result.damages.front());
  std::vector<std::string> removed;
  for (const auto& folder :
       checkpoint::apply_retention(steps, options.rule, {newest.manifest().description.step}))
    removed.push_back(folder.string());
  if (options.json) {
    print_json({{"verified", newest.folder().string()}, {"removed", removed}});
    return 0;
  }
  for (const std::string& folder : removed) fmt::print("removed {}\n", one_line(folder));
  fmt::print("{} steps removed\n", removed.size());
  return 0;
}

}  // namespace

void register_prune(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<PruneOptions>();
  CLI::App* app = parent.add_subcommand(
      "prune", "Remove steps that no rule keeps, once the newest was read and found good");
  app->add_option("folder", options->folder, "a run's folder, or a folder of steps")->required();
  app->add_option("--keep", options->rule.newest, "the newest steps that stay")
      ->required()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  app->add_option("--every", options->rule.every, "steps whose number this divides stay too; 0: none")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40));
  app->add_option("--best", options->rule.best, "steps with the lowest held-out loss that stay too")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40));
  app->add_flag("--json", options->json, "one JSON document");
  actions.add(*app, [options] { return prune(*options); });
}

}  // namespace tandem::cli
