// SPDX-License-Identifier: Apache-2.0
#include "saving_scenarios.h"

#include <stdexcept>
#include <utility>

#include "dated_steps.h"
#include "scratch_folder.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/reshard.h"
#include "tandem/checkpoint/retention.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/checkpoint/step_copy.h"
#include "tandem/interop/output_folder.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

using Marks = std::vector<std::string>;

void save_marked(const fs::path& folder, int64_t step, const Mark& mark) {
  mark("begun " + std::to_string(step));
  save_dated(folder, step);
  mark("saved " + std::to_string(step));
}

// The last step that was reported, `first` before any was; or one that was begun since.
ExpectedSteps expected_after(const Marks& marks, std::set<int64_t> first) {
  ExpectedSteps expected{.newest = std::move(first)};
  expected.may_be_none = expected.newest.empty();
  for (const std::string& mark : marks) {
    if (mark.starts_with("begun ")) expected.newest.insert(std::stoll(mark.substr(6)));
    if (mark.starts_with("saved ")) expected = {.newest = {std::stoll(mark.substr(6))}};
  }
  return expected;
}

Scenario save_beside_others() {
  return {.name = "SaveBesideOthers",
          .before =
              [](const fs::path& root) {
                save_dated(root, 1);
                // What an interrupted save, an interrupted removal and a damaged step leave.
                fs::copy(root / step_folder_name(1), root / unfinished_folder_name(2, 2));
                fs::copy(root / step_folder_name(1), root / removed_folder_name("step_00000000"));
                fs::copy(root / step_folder_name(1), root / "void_step_00000001_0");
                fs::remove(root / "void_step_00000001_0" / Manifest::kFileName);
              },
          .action = [](const fs::path& root, const Mark& mark) { save_marked(root, 2, mark); },
          .flaw = [](const fs::path& root,
                     const Marks& marks) { return flaw_of_steps(root, expected_after(marks, {1})); }};
}

Scenario save_over_damaged() {
  return {.name = "SaveOverDamaged",
          .before =
              [](const fs::path& root) {
                save_dated(root, 1);
                save_dated(root, 2);
                fs::resize_file(root / step_folder_name(2) / Manifest::kFileName, 100);
              },
          .action = [](const fs::path& root, const Mark& mark) { save_marked(root, 2, mark); },
          .flaw =
              [](const fs::path& root, const Marks& marks) {
                ExpectedSteps expected = expected_after(marks, {1});
                expected.has_damaged = expected.newest.contains(1);
                return flaw_of_steps(root, expected);
              }};
}

Scenario removal() {
  return {.name = "Removal",
          .before = [](const fs::path& root) { save_dated(root, 1); },
          .action =
              [](const fs::path& root, const Mark& mark) {
                for (const int64_t step : {2, 3}) {
                  save_marked(root, step, mark);
                  apply_retention(root, {.newest = 1}, {step});
                }
              },
          .flaw = [](const fs::path& root,
                     const Marks& marks) { return flaw_of_steps(root, expected_after(marks, {1})); }};
}

// Of a run that told its id and its generation at each start.
std::string flaw_of_identity(const fs::path& folder, const Marks& marks) {
  std::string id;
  int64_t generation = -1;
  for (const std::string& mark : marks) {
    if (!mark.starts_with("started ")) continue;
    if (!id.empty() && id != mark.substr(8, 32)) return "a start was given another id";
    id = mark.substr(8, 32);
    if (std::stoll(mark.substr(41)) != ++generation) return "starts are miscounted";
  }
  const std::optional<RunIdentity> found = identity_of_run(folder);
  const RunIdentity next = RunFolder::open(folder).identity();
  for (const std::string& name : names_in(folder))
    if (name.ends_with(".tmp")) return name + " was left";
  if (!found)
    return !id.empty() ? "the run's identity is lost" : next.generation != 0 ? "not a first start" : "";
  if (next.run_id != found->run_id || next.generation != found->generation + 1) return "another run goes on";
  if (!id.empty() && found->run_id != id) return "the run has another id";
  const bool is_next = found->generation == generation || found->generation == generation + 1;
  return is_next ? "" : "starts are miscounted";
}

// What a run does from its first start on, twice.
Scenario starts_of_a_run(const std::string& name, const fs::path& steps,
                         const std::optional<fs::path>& given) {
  return {.name = name,
          .action =
              [=](const fs::path& root, const Mark& mark) {
                for (const int64_t step : {1, 2}) {
                  const RunFolder run = RunFolder::open(root / "runs" / "a",
                                                        given ? std::optional(root / *given) : std::nullopt);
                  mark("started " + run.identity().run_id + " " + std::to_string(run.identity().generation));
                  save_marked(root / steps, step, mark);
                }
              },
          .flaw =
              [=](const fs::path& root, const Marks& marks) {
                const std::string flaw = flaw_of_identity(root / "runs" / "a", marks);
                return flaw.empty() ? flaw_of_steps(root / steps, expected_after(marks, {})) : flaw;
              }};
}

// From a node's own disk to the one that all ranks share.
Scenario copy_to_another_disk() {
  return {.name = "Copy",
          .before = [](const fs::path& root) { save_dated(root / "local", 5); },
          .action =
              [](const fs::path& root, const Mark& mark) {
                OneRank alone;
                mark("begun 5");
                copy_step({.durable = root / "shared" / "steps",
                           .local = root / "local",
                           .local_keeper = Keeper::kThisRank},
                          {.step = 5,
                           .validation_loss = {},
                           .seal = claimed_seal(root / "local" / step_folder_name(5))},
                          alone);
                mark("saved 5");
              },
          .flaw =
              [](const fs::path& root, const Marks& marks) {
                return flaw_of_steps(root / "shared" / "steps", expected_after(marks, {}));
              }};
}

Scenario reshard_into_a_folder() {
  return {.name = "Reshard",
          .before = [](const fs::path& root) { save_dated(root / "source", 5); },
          .action =
              [](const fs::path& root, const Mark& mark) {
                mark("begun 5");
                reshard(StepReader::open(root / "source"),
                        {.table = stored_tensors(1),
                         .mesh = layout::Mesh({.data = 2, .pipeline = 1, .tensor = 1})},
                        root / "new" / "folder", 1);
                mark("saved 5");
              },
          .flaw =
              [](const fs::path& root, const Marks& marks) {
                return flaw_of_steps(root / "new" / "folder", expected_after(marks, {}));
              }};
}

// As an import makes it: a folder of a step and a tokenizer, which appears as a whole.
Scenario output_folder() {
  const auto write = [](const fs::path& root) {
    interop::OutputFolder output(root / "new" / "model");
    save_dated(output.unfinished(), 0);
    output.write("tokenizer.model", "pieces");
    output.publish();
  };
  return {.name = "OutputFolder",
          .action =
              [=](const fs::path& root, const Mark& mark) {
                write(root);
                mark("saved 0");
              },
          .flaw = [=](const fs::path& root, const Marks& marks) -> std::string {
            const fs::path folder = root / "new" / "model";
            if (!fs::exists(folder)) {
              if (!marks.empty()) return "the folder is lost";
              write(root);
            }
            if (names_in(root / "new").size() != 1) return "something was left";
            if (bytes_of(folder / "tokenizer.model") != "pieces") return "the tokenizer differs";
            return flaw_of_steps(folder, {.newest = {0}});
          }};
}

}  // namespace

const std::vector<Scenario>& saving_scenarios() {
  static const std::vector<Scenario> all{
      save_beside_others(),
      save_over_damaged(),
      removal(),
      starts_of_a_run("NewRun", "runs/a/checkpoints", {}),
      starts_of_a_run("NewRunWithStepsElsewhere", "disk/steps", "disk/steps"),
      copy_to_another_disk(),
      reshard_into_a_folder(),
      output_folder()};
  return all;
}

const Scenario& saving_scenario(const std::string& name) {
  for (const Scenario& scenario : saving_scenarios())
    if (scenario.name == name) return scenario;
  throw std::logic_error("no scenario " + name);
}

}  // namespace tandem::checkpoint
