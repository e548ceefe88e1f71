// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/folder_lock.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/reshard.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/checkpoint/step_folders.h"
#include "tandem/cli/checkpoint_commands.h"
#include "tandem/cli/long_work.h"
#include "tandem/cli/output.h"
#include "tandem/cli/run_config_options.h"
#include "tandem/observe/host.h"
#include "tandem/train/run_layout.h"

namespace tandem::cli {
namespace {

namespace fs = std::filesystem;
using checkpoint::StepReader;
using nlohmann::ordered_json;

struct ReshardOptions {
  std::string folder, output, placement = "sequential";
  RunConfigOptions imagined;
  train::LayoutChange change;
  bool only_plan = false, json = false;
};

ordered_json json_of(const checkpoint::RankFigure& figure) {
  return {{"mean", figure.mean}, {"most", figure.most}};
}

ordered_json json_of(const checkpoint::ReshardFigures& figures) {
  const checkpoint::RankFigure& read = figures.read_bytes;
  return {{"ranks", figures.ranks},
          {"stored_bytes", figures.stored_bytes},
          {"wanted_bytes_a_rank", json_of(figures.wanted_bytes)},
          {"read_bytes_a_rank", json_of(read)},
          {"files_a_rank", json_of(figures.files_touched)},
          {"transfers_a_rank", json_of(figures.transfers)},
          {"imbalance", read.mean > 0 ? static_cast<double>(read.most) / read.mean : 1},
          {"read_over_stored", read.mean * static_cast<double>(figures.ranks) /
                                   static_cast<double>(std::max<int64_t>(1, figures.stored_bytes))}};
}

void print(const ReshardOptions& options, const ordered_json& document) {
  if (options.json) return print_json(document);
  for (const auto& [key, value] : document.items()) {
    if (value.is_object())
      fmt::print("{:<20} mean {:.6g}, most {}\n", key, value["mean"].get<double>(), value["most"].dump());
    else
      fmt::print("{:<20} {}\n", key, value.is_string() ? one_line(value.get<std::string>()) : value.dump());
  }
}

// A tokenizer beside the steps is found by who reads them.
void copy_tokenizer(const fs::path& step, const fs::path& output) {
  for (const fs::path& folder : {step.parent_path(), step.parent_path().parent_path()})
    if (const fs::path model = folder / "tokenizer.model"; fs::exists(model)) {
      write_file_atomically(output / "tokenizer.model", read_file(model));
      return;
    }
}

// Holds the folder that the step is put into, which is nobody else's and no other run's.
checkpoint::FolderLock take_output(const fs::path& output, const StepReader& source) {
  if (checkpoint::identity_of_run(output))
    throw InputError("{}: is a run's folder; give --output its folder of steps or another folder",
                     output.string());
  checkpoint::FolderLock lock(output, "--output");
  for (const checkpoint::FoundStep& found : checkpoint::find_steps(output)) {
    std::string run_id;
    // A damaged step is nobody's.
    const auto damage = checkpoint::damage_found(
        [&] { run_id = StepReader::open_step(found.folder).manifest().description.run_id; });
    if (!damage && run_id != source.manifest().description.run_id)
      throw InputError("{}: is a step of another run; give another --output", found.folder.string());
  }
  return lock;
}

// Removes the output folder again where it was made for a step that failed.
class MadeFolder {
 public:
  explicit MadeFolder(const fs::path& folder) : folder_(folder), was_there_(checkpoint::is_there(folder)) {}
  MadeFolder(const MadeFolder&) = delete;
  ~MadeFolder() {
    std::error_code error;
    if (was_there_ || is_kept_) return;
    for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error))
      if (entry->path().filename() != checkpoint::FolderLock::kFileName) return;
    if (!error) fs::remove(folder_ / checkpoint::FolderLock::kFileName, error);
    if (!error) fs::remove(folder_, error);
  }
  void keep() { is_kept_ = true; }

 private:
  fs::path folder_;
  bool was_there_, is_kept_ = false;
};

// Plans and files are made for each rank.
void check_ranks(const train::LayoutChange& change) {
  constexpr int64_t kMostRanks = int64_t{1} << 20;
  int64_t ranks = 1;
  for (const int64_t extent : {int64_t{change.data}, int64_t{change.tensor}, int64_t{change.pipeline}})
    ranks = std::min(ranks * extent, kMostRanks + 1);
  if (ranks > kMostRanks)
    throw InputError("reshard: --data {} --tensor {} --pipeline {} are more than {} ranks; give fewer",
                     change.data, change.tensor, change.pipeline, kMostRanks);
}

int plan_on_paper(const ReshardOptions& options) {
  const train::ResolvedRun run = train::load_run_config(options.imagined.config, options.imagined.sets);
  checkpoint::StepDescription description;
  const auto type = run.config.train.precision == train::Precision::kFp64 ? checkpoint::DataType::kF64
                                                                          : checkpoint::DataType::kF32;
  for (const auto role :
       {checkpoint::Role::kParameter, checkpoint::Role::kMoment1, checkpoint::Role::kMoment2})
    description.roles.push_back({.role = role, .type = type});
  const auto manifest = checkpoint::imagined_manifest(train::state_layout(run.config), description);
  const auto target = train::state_layout(run.config, options.change, "reshard");
  print(options, json_of(checkpoint::plan_reshard(manifest, target)));
  return 0;
}

int reshard(const ReshardOptions& options) {
  if (options.folder.empty() == options.imagined.config.empty())
    throw InputError("reshard: give the folder of a checkpoint, or --config for a plan on paper");
  if (options.only_plan && !options.output.empty())
    throw InputError("reshard: --plan writes nothing; leave out --plan or --output");
  if (options.imagined.config.empty() && !options.imagined.sets.empty())
    throw InputError("reshard: --set changes what --config describes; a checkpoint is as it is");
  check_ranks(options.change);
  if (!options.imagined.config.empty()) {
    if (!options.only_plan) throw InputError("reshard: --config describes no checkpoint; add --plan");
    return plan_on_paper(options);
  }
  const Stopwatch watch;
  const StepReader step = StepReader::open(options.folder);
  warn_of_damage(step);
  const auto target =
      train::state_layout(step.manifest().description.config, options.change, step.folder().string());
  step.require(target.table, {});
  ordered_json document = json_of(checkpoint::plan_reshard(step.manifest(), target));
  if (options.only_plan) return print(options, document), 0;
  if (options.output.empty()) throw InputError("reshard: give --output, or --plan to only see the figures");
  MadeFolder output(options.output);
  const checkpoint::FolderLock lock = take_output(options.output, step);
  fs::path made;
  do_long_work("reshard", [&](const checkpoint::ByteProgress& progress) {
    made = checkpoint::reshard(step, target, options.output, observe::usable_cores(), progress);
  });
  output.keep();
  copy_tokenizer(step.folder(), options.output);
  document["step"] = made.string();
  document["seconds"] = watch.seconds();
  print(options, document);
  return 0;
}

}  // namespace

void register_reshard(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<ReshardOptions>();
  CLI::App* app = parent.add_subcommand(
      "reshard",
      "Rewrite a checkpoint as ranks of another layout would save it; loading needs no such thing");
  app->add_option("folder", options->folder, "a run's folder (its newest whole step), or that of one step");
  app->add_option("--output", options->output, "the folder of steps that the new one is put into");
  const auto extent = CLI::Range(int64_t{1}, int64_t{1} << 24);
  app->add_option("--data", options->change.data, "data ranks of the new layout")->required()->check(extent);
  app->add_option("--tensor", options->change.tensor, "tensor ranks")->required()->check(extent);
  app->add_option("--pipeline", options->change.pipeline, "pipeline stages")->required()->check(extent);
  app->add_option("--placement", options->placement, "which ranks hold which layers")
      ->check(CLI::IsMember({"sequential", "folded", "paired"}))
      ->capture_default_str();
  app->add_flag("--plan", options->only_plan, "only compute what each rank would read");
  app->add_option("--config", options->imagined.config,
                  "with --plan, instead of a folder: a run's configuration, as if saved in its own layout");
  app->add_option("--set", options->imagined.sets, "path.to.key=value, over --config");
  app->add_flag("--json", options->json, "one JSON document");
  actions.add(*app, [options] {
    for (const auto& choice : schedule::choices(schedule::Placement{}))
      if (choice.name == options->placement) options->change.placement = *choice.value;
    return reshard(*options);
  });
}

}  // namespace tandem::cli
