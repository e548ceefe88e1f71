// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/base/paths.h"
#include "tandem/checkpoint/difference.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/verify.h"
#include "tandem/cli/bytes_bar.h"
#include "tandem/cli/checkpoint_commands.h"
#include "tandem/cli/output.h"
#include "tandem/observe/host.h"

namespace tandem::cli {
namespace {

namespace fs = std::filesystem;
using checkpoint::StepReader;
using nlohmann::ordered_json;

struct ReportOptions {
  std::string folder, other;
  bool json = false;
};

// Reads the whole step; one that cannot be opened, for it is torn, is damaged in one place.
checkpoint::Verification verify_step(const fs::path& folder) {
  std::optional<StepReader> step;
  const auto damage = checkpoint::damage_found([&] { step.emplace(StepReader::open_step(folder)); });
  if (damage) return {.damages = {damage->message}};
  BytesBar bar("verify");
  checkpoint::Verification result = checkpoint::verify(*step, observe::usable_cores(), bar.updates());
  bar.finish();
  return result;
}

ordered_json number_of(const fs::path& step_folder) {
  const auto step = checkpoint::step_of_folder_name(plain_path(step_folder).filename().string());
  if (step) return *step;
  // One that was renamed still says it, unless that is what is damaged.
  ordered_json number;
  checkpoint::attempt([&] { number = StepReader::open_step(step_folder).manifest().description.step; });
  return number;
}

int verify(const ReportOptions& options) {
  const Stopwatch watch;
  const fs::path folder = checkpoint::newest_step_folder(options.folder);
  const checkpoint::Verification result = verify_step(folder);
  const std::vector<std::string>& damages = result.damages;
  if (options.json) {
    print_json({{"folder", folder.string()},
                {"step", number_of(folder)},
                {"good", damages.empty()},
                {"files", result.files},
                {"bytes", result.bytes},
                {"seconds", watch.seconds()},
                {"damages", damages}});
  } else {
    for (const std::string& damage : damages) fmt::print("{}\n", one_line(damage));
    fmt::print("{}: {} files, {} bytes, {} in {:.1f} s\n", one_line(folder.string()), result.files,
               result.bytes, damages.empty() ? "all good" : fmt::format("{} damages", damages.size()),
               watch.seconds());
  }
  if (damages.empty()) return 0;
  throw EnvironmentError(
      "{}: is damaged in {}: {}", folder.string(),
      damages.size() == 1 ? "1 place" : fmt::format("{} places, the first", damages.size()), damages.front());
}

// What JSON cannot say is null.
ordered_json number(double value) { return std::isfinite(value) ? ordered_json(value) : ordered_json(); }

ordered_json json_of(const checkpoint::TensorDifference& tensor) {
  ordered_json json = {{"name", tensor.name},
                       {"equal", tensor.is_equal()},
                       {"max_abs_difference", number(tensor.max_abs_difference())}};
  if (!tensor.problem.empty()) json["problem"] = tensor.problem;
  for (const checkpoint::RoleDifference& role : tensor.roles)
    json["roles"][std::string(name_of(role.role))] = {{"max_abs_difference", number(role.max_abs_difference)},
                                                      {"elements", role.elements}};
  return json;
}

int diff(const ReportOptions& options) {
  const StepReader a = open_step(options.folder), b = open_step(options.other);
  BytesBar bar("diff");
  const checkpoint::Difference difference = checkpoint::compare(a, b, observe::usable_cores(), bar.updates());
  bar.finish();
  if (options.json) {
    ordered_json tensors = ordered_json::array();
    for (const checkpoint::TensorDifference& tensor : difference.tensors) tensors.push_back(json_of(tensor));
    print_json({{"equal", difference.is_equal()},
                {"first", a.folder().string()},
                {"second", b.folder().string()},
                {"roles_of_one", difference.roles_of_one},
                {"tensors", std::move(tensors)}});
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"tensor", "role", "elements", "max difference"}};
  for (const checkpoint::TensorDifference& tensor : difference.tensors) {
    if (!tensor.problem.empty()) rows.push_back({tensor.name, tensor.problem});
    for (const checkpoint::RoleDifference& role : tensor.roles)
      if (role.elements > 0)
        rows.push_back({tensor.name, std::string(name_of(role.role)), std::to_string(role.elements),
                        fmt::format("{:.6g}", role.max_abs_difference)});
  }
  if (rows.size() > 1) print_table(rows);
  if (!difference.roles_of_one.empty())
    fmt::print("only one has: {}\n", fmt::join(difference.roles_of_one, ", "));
  fmt::print("{}\n", difference.is_equal() ? "equal" : "different");
  return 0;
}

}  // namespace

void register_verify(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* app = parent.add_subcommand("verify", "Hold every byte of a checkpoint against its checksums");
  app->add_option("folder", options->folder, "a run's folder (its newest step), or that of one step")
      ->required();
  app->add_flag("--json", options->json, "one JSON document");
  actions.add(*app, [options] { return verify(*options); });
}

void register_diff(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* app =
      parent.add_subcommand("diff", "Show which tensors of two checkpoints differ, whatever their layouts");
  app->add_option("first", options->folder, kStepHelp)->required();
  app->add_option("second", options->other, "the same")->required();
  app->add_flag("--json", options->json, "one JSON document");
  actions.add(*app, [options] { return diff(*options); });
}

}  // namespace tandem::cli
