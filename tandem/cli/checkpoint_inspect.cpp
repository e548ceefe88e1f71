// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/cli/checkpoint_commands.h"
#include "tandem/cli/output.h"

namespace tandem::cli {
namespace {

using checkpoint::Manifest;
using checkpoint::StepReader;
using checkpoint::StoredFile;
using nlohmann::ordered_json;

struct InspectOptions {
  std::string folder;
  bool ranks = false;
  bool json = false;
};

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
          {"model", description.config.value("model", nlohmann::json())},
          {"next_sample", description.next_sample},
          {"validation_loss",
           description.validation_loss ? ordered_json(*description.validation_loss) : ordered_json()},
          {"roles", std::move(roles)},
          {"parameters", parameters},
          {"bytes", bytes},
          {"tensors", std::move(tensors)},
          {"files", std::move(files)}};
}

// Of each tensor in a file, in the manifest's order: how many ranges, elements and bytes.
ordered_json tensors_of(const StoredFile& file, const Manifest& manifest) {
  struct Part {
    int64_t ranges = 0, elements = 0;
  };
  std::map<size_t, Part> parts;
  for (const checkpoint::StoredRange& range : file.ranges) {
    ++parts[range.tensor].ranges;
    parts[range.tensor].elements += range.range.count;
  }
  ordered_json tensors = ordered_json::array();
  for (const auto& [tensor, part] : parts)
    tensors.push_back({{"name", manifest.tensors[tensor].name},
                       {"ranges", part.ranges},
                       {"elements", part.elements},
                       {"bytes", part.elements * element_bytes(manifest.description)}});
  return tensors;
}

// What each rank wrote: of parts that several held, one of them.
ordered_json describe_ranks(const Manifest& manifest) {
  const layout::MeshCoordinate& mesh = manifest.description.mesh;
  ordered_json ranks = ordered_json::array();
  for (const StoredFile& file : manifest.files) {
    ordered_json rank = {{"rank", nullptr}, {"data", nullptr}, {"tensor", nullptr}, {"pipeline", nullptr}};
    const auto writer = checkpoint::writer_of(file.name);
    if (writer) rank["rank"] = writer->rank;
    // The mesh is what the manifest says: it need not hold the rank.
    if (writer && mesh.tensor > 0 && mesh.data > 0 &&
        writer->rank / mesh.tensor / mesh.data < mesh.pipeline) {
      rank["data"] = writer->rank / mesh.tensor % mesh.data;
      rank["tensor"] = writer->rank % mesh.tensor;
      rank["pipeline"] = writer->rank / mesh.tensor / mesh.data;
    }
    rank.update({{"file", file.name},
                 {"elements", file.num_elements()},
                 {"bytes", file.bytes},
                 {"tensors", tensors_of(file, manifest)}});
    ranks.push_back(std::move(rank));
  }
  return ranks;
}

// One list of a document as a table: a row an entry, of these members.
void print_list(const ordered_json& list, const std::string& title, const std::vector<std::string>& members) {
  std::vector<std::vector<std::string>> rows{members};
  rows[0][0] = title;
  for (const ordered_json& entry : list) {
    rows.emplace_back();
    for (const std::string& member : members)
      rows.back().push_back(entry[member].is_string() ? entry[member].get<std::string>()
                                                      : entry[member].dump());
  }
  fmt::print("\n");
  print_table(rows);
}

void print_ranks(const ordered_json& ranks) {
  const std::vector<std::string> members{"rank", "data", "tensor", "pipeline", "elements", "bytes", "file"};
  print_list(ranks, "rank", members);
  for (const ordered_json& rank : ranks)
    print_list(rank["tensors"], fmt::format("rank {}", rank["rank"].dump()),
               {"name", "ranges", "elements", "bytes"});
}

int inspect(const InspectOptions& options) {
  const StepReader step = open_step(options.folder);
  ordered_json document = describe(step);
  if (options.ranks) document["ranks"] = describe_ranks(step.manifest());
  if (options.json) return print_json(document), 0;
  for (const auto& [key, value] : document.items())
    if (!value.is_array())
      fmt::print("{:<16} {}\n", key, value.is_string() ? one_line(value.get<std::string>()) : value.dump());
  print_list(document["tensors"], "tensor", {"name", "shape", "elements", "bytes"});
  print_list(document["files"], "file", {"name", "ranges", "elements", "bytes", "crc32c"});
  if (options.ranks) print_ranks(document["ranks"]);
  return 0;
}

}  // namespace

void register_inspect(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<InspectOptions>();
  CLI::App* app = parent.add_subcommand("inspect", "Show what a checkpoint holds, by tensor, file and rank");
  app->add_option("folder", options->folder, kStepHelp)->required();
  app->add_flag("--ranks", options->ranks, "also what each rank wrote, by tensor");
  app->add_flag("--json", options->json, "one JSON document");
  actions.add(*app, [options] { return inspect(*options); });
}

}  // namespace tandem::cli
