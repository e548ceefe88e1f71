// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/checkpoint/json_members.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/tensor_table.h"

namespace tandem::checkpoint {

namespace {

using nlohmann::json;

constexpr size_t kMaxManifestBytes = size_t{64} << 20;

class Parser {
 public:
  Parser(const json& root, std::string place) : place_(std::move(place)), members_(root, place_) {}

  Manifest parse() {
    // First, since the rest may look otherwise in another version.
    read_format();
    Manifest manifest;
    read_description(manifest.description);
    JsonMembers times = group("times");
    manifest.saved_at = times.text("saved");
    finish(times);
    read_files(manifest.files);
    manifest.tensors = parse_tensor_table(members_.array("tensors"), {.place = place_,
                                                                      .files = manifest.files,
                                                                      .roles = manifest.description.roles,
                                                                      .may_have_more = is_newer_});
    finish(members_);
    return manifest;
  }

 private:
  void finish(const JsonMembers& members) const {
    if (!is_newer_) members.finish();
  }

  JsonMembers group(const std::string& key) {
    return {members_.object(key), fmt::format("{}: {}", place_, key)};
  }

  void read_format() {
    JsonMembers format = group("format");
    const int64_t major = format.integer("major"), minor = format.integer("minor");
    if (major != Manifest::kMajor)
      throw InputError("{}: is of format {}.{}, and this program reads {}.x; use a program that knows it",
                       place_, major, minor, Manifest::kMajor);
    is_newer_ = minor > Manifest::kMinor;
    finish(format);
  }

  void read_description(StepDescription& step) {
    JsonMembers run = group("run");
    step.run_id = run.text("id");
    step.generation = run.integer("generation");
    finish(run);
    step.step = members_.integer("step");
    step.code_version = members_.text("code_version");
    step.config = members_.object("config");
    if (members_.text("config_hash") != hash_of(step.config))
      throw EnvironmentError("{}: 'config' does not have the hash that 'config_hash' gives", place_);
    JsonMembers mesh = group("mesh");
    step.mesh = {.data = mesh.small_integer("data"),
                 .pipeline = mesh.small_integer("pipeline"),
                 .tensor = mesh.small_integer("tensor")};
    finish(mesh);
    read_progress(step);
    step.seed = members_.unsigned_integer("seed");
    step.tokenizer = read_tokenizer();
    step.roles = read_roles();
  }

  void read_progress(StepDescription& step) {
    JsonMembers data = group("data");
    step.next_sample = data.integer("next_sample");
    finish(data);
    JsonMembers optimizer = group("optimizer");
    step.optimizer_updates = optimizer.integer("updates");
    step.skipped_in_a_row = optimizer.integer("skipped_in_a_row");
    finish(optimizer);
  }

  std::optional<TokenizerFacts> read_tokenizer() {
    const json* value = members_.find("tokenizer");
    if (value != nullptr && value->is_null()) return std::nullopt;
    JsonMembers tokenizer = group("tokenizer");
    TokenizerFacts facts{.pad = tokenizer.small_integer("pad"),
                         .eos = tokenizer.small_integer("eos"),
                         .first_sentinel = static_cast<int32_t>(tokenizer.integer(
                             "first_sentinel", {.minimum = -1, .maximum = INT32_MAX})),  // -1: none
                         .sentinel_count = tokenizer.small_integer("sentinel_count"),
                         .hash = tokenizer.text("hash")};
    finish(tokenizer);
    return facts;
  }

  std::vector<Role> read_roles() {
    std::vector<Role> roles;
    for (const json& name : members_.array("roles")) {
      const std::optional<Role> role = name.is_string() ? role_named(name.get<std::string>()) : std::nullopt;
      if (!role) throw EnvironmentError("{}: unknown role {}", place_, name.dump());
      roles.push_back(*role);
    }
    return roles;
  }

  void read_files(std::vector<StoredFile>& files) {
    std::set<std::string> names;
    for (const json& entry : members_.array("files")) {
      JsonMembers file(entry, place_ + ": files");
      files.push_back({.name = file.text("name"), .bytes = file.integer("bytes")});
      finish(file);
      const std::string& name = files.back().name;
      if (!is_plain_file_name(name) || name == Manifest::kFileName || !names.insert(name).second)
        throw EnvironmentError("{}: {} cannot be the name of one of its files", place_, json(name).dump());
    }
  }

  std::string place_;
  JsonMembers members_;
  bool is_newer_ = false;
};

}  // namespace

Manifest parse_manifest(const std::string& text, const std::string& place) {
  return Parser(parse_stored_json(text, place, kMaxManifestBytes), place).parse();
}

}  // namespace tandem::checkpoint
