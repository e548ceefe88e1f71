// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/checkpoint/difference.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/verify.h"
#include "tandem/cli/bytes_bar.h"
#include "tandem/cli/checkpoint_commands.h"
#include "tandem/cli/output.h"
#include "tandem/observe/host.h"

namespace tandem::cli {
namespace {

using checkpoint::StepReader;
using nlohmann::ordered_json;

constexpr const char* kFolderHelp = "a run's folder (its newest good step), or that of one step";

struct ReportOptions {
  std::string folder, other;
  bool json = false;
};

StepReader open_step(const std::string& folder) {
  StepReader reader = StepReader::open(folder);
  warn_of_damage(reader);
  return reader;
}

// A line a row, columns aligned; the first is the header.
void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows)
    for (size_t column = 0; column < row.size(); ++column) {
      if (column == widths.size()) widths.push_back(0);
      widths[column] = std::max(widths[column], row[column].size());
    }
  for (const auto& row : rows) {
    std::string line;
    for (size_t column = 0; column < row.size(); ++column)
      line += column == 0 ? fmt::format("{:<{}}", row[column], widths[column])
                          : fmt::format("  {:>{}}", row[column], widths[column]);
    fmt::print("{}\n", line);
  }
}

ordered_json describe(const StepReader& step) {
  const checkpoint::Manifest& manifest = step.manifest();
  const checkpoint::StepDescription& description = manifest.description;
  ordered_json roles = ordered_json::object(), tensors = ordered_json::array(), files = ordered_json::array();
  for (const auto& [role, type] : description.roles) roles[std::string(name_of(role))] = name_of(type);
  int64_t parameters = 0, bytes = 0;
  for (const checkpoint::StoredTensor& tensor : manifest.tensors) {
    const int64_t elements = layout::num_elements(tensor.shape);
    parameters += elements;
    tensors.push_back({{"name", tensor.name},
                       {"shape", tensor.shape},
                       {"elements", elements},
                       {"bytes", elements * element_bytes(description)}});
  }
  for (const checkpoint::StoredFile& file : manifest.files) {
    bytes += file.bytes;
    files.push_back({{"name", file.name},
                     {"bytes", file.bytes},
                     {"elements", file.num_elements()},
                     {"ranges", file.ranges.size()},
                     {"crc32c", fmt::format("{:08x}", file.sum(manifest.chunk_bytes))}});
  }
  return {{"folder", step.folder().string()},
          {"step", description.step},
          {"run", description.run_id},
          {"generation", description.generation},
          {"saved", manifest.saved_at},
          {"code_version", description.code_version},
          {"mesh",
           {{"data", description.mesh.data},
            {"tensor", description.mesh.tensor},
            {"pipeline", description.mesh.pipeline}}},
          {"next_sample", description.next_sample},
          {"validation_loss",
           description.validation_loss ? ordered_json(*description.validation_loss) : ordered_json()},
          {"roles", std::move(roles)},
          {"parameters", parameters},
          {"bytes", bytes},
          {"tensors", std::move(tensors)},
          {"files", std::move(files)}};
}

int inspect(const ReportOptions& options) {
  const ordered_json document = describe(open_step(options.folder));
  if (options.json) return print_json(document), 0;
  std::vector<std::vector<std::string>> tensors{{"tensor", "shape", "elements", "bytes"}},
      files{{"file", "ranges", "elements", "bytes", "crc32c"}};
  for (const ordered_json& tensor : document["tensors"])
    tensors.push_back({tensor["name"].get<std::string>(), tensor["shape"].dump(), tensor["elements"].dump(),
                       tensor["bytes"].dump()});
  for (const ordered_json& file : document["files"])
    files.push_back({file["name"].get<std::string>(), file["ranges"].dump(), file["elements"].dump(),
                     file["bytes"].dump(), file["crc32c"].get<std::string>()});
  for (const auto& [key, value] : document.items())
    if (key != "tensors" && key != "files")
      fmt::print("{:<16} {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
  fmt::print("\n");
  print_table(tensors);
  fmt::print("\n");
  print_table(files);
  return 0;
}

int verify(const ReportOptions& options) {
  const Stopwatch watch;
  const StepReader step = StepReader::open(options.folder);
  BytesBar bar("verify");
  const checkpoint::Verification result = checkpoint::verify(step, observe::usable_cores(), bar.updates());
  bar.finish();
  std::vector<std::string> damages = step.passed_over();
  damages.insert(damages.end(), result.damages.begin(), result.damages.end());
  if (options.json) {
    print_json({{"folder", step.folder().string()},
                {"step", step.manifest().description.step},
                {"good", damages.empty()},
                {"files", result.files},
                {"bytes", result.bytes},
                {"seconds", watch.seconds()},
                {"damages", damages}});
  } else {
    for (const std::string& damage : damages) fmt::print("{}\n", damage);
    fmt::print("{}: {} files, {} bytes, {} in {:.1f} s\n", step.folder().string(), result.files, result.bytes,
               damages.empty() ? "all good" : fmt::format("{} damages", damages.size()), watch.seconds());
  }
  if (damages.empty()) return 0;
  throw EnvironmentError(
      "{}: is damaged in {}: {}", options.folder,
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

void register_inspect(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* app = parent.add_subcommand("inspect", "Show what a checkpoint holds, by tensor and by file");
  app->add_option("folder", options->folder, kFolderHelp)->required();
  app->add_flag("--json", options->json, "one JSON document");
  actions.add(*app, [options] { return inspect(*options); });
}

void register_verify(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* app = parent.add_subcommand("verify", "Hold every byte of a checkpoint against its checksums");
  app->add_option("folder", options->folder, kFolderHelp)->required();
  app->add_flag("--json", options->json, "one JSON document");
  actions.add(*app, [options] { return verify(*options); });
}

void register_diff(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* app =
      parent.add_subcommand("diff", "Show which tensors of two checkpoints differ, whatever their layouts");
  app->add_option("first", options->folder, kFolderHelp)->required();
  app->add_option("second", options->other, "the same")->required();
  app->add_flag("--json", options->json, "one JSON document");
  actions.add(*app, [options] { return diff(*options); });
}

}  // namespace tandem::cli
