// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tandem/base/content_hash.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/file_table.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/stored_json.h"

namespace tandem::checkpoint {

namespace {

using nlohmann::json;

constexpr size_t kMaxManifestBytes = size_t{64} << 20;
constexpr int64_t kMaxChunkBytes = int64_t{1} << 28;

// The text must end as `sealed` makes it, byte for byte.
void check_seal(const std::string& text, const std::string& place) {
  constexpr size_t kSealBytes = sizeof(R"("sha256":""})") - 1 + 64 + 1;
  const size_t begin = text.size() - std::min(text.size(), kSealBytes);
  const std::string_view body = std::string_view(text).substr(0, begin);
  if (std::string_view(text).substr(begin) != fmt::format("\"sha256\":\"{}\"}}\n", sha256(body)))
    throw EnvironmentError("{}: is torn or damaged: it does not end with the SHA-256 of what comes before",
                           place);
}

class Parser {
 public:
  Parser(const json& root, std::string place) : place_(std::move(place)), members_(root, place_) {}

  Manifest parse() {
    // First, since the rest may look otherwise in another version.
    read_format();
    Manifest manifest;
    read_description(manifest.description);
    StoredMembers times = group("times");
    manifest.saved_at = times.text("saved");
    finish(times);
    const Unknown unknown = is_newer_ ? Unknown::kPassedOver : Unknown::kRefused;
    manifest.tensors = parse_tensors(members_.array("tensors"), place_, unknown);
    manifest.chunk_bytes = members_.integer("chunk_bytes", {.minimum = 8, .maximum = kMaxChunkBytes});
    if (manifest.chunk_bytes % 8 != 0)
      throw EnvironmentError("{}: 'chunk_bytes' {} is no multiple of 8", place_, manifest.chunk_bytes);
    manifest.files = parse_files(members_.array("files"), manifest, place_, unknown);
    members_.find("sha256");
    finish(members_);
    return manifest;
  }

 private:
  void finish(const StoredMembers& members) const {
    if (!is_newer_) members.finish();
  }

  StoredMembers group(const std::string& key) {
    return {members_.object(key), fmt::format("{}: {}", place_, key)};
  }

  void read_format() {
    StoredMembers format = group("format");
    const int64_t major = format.integer("major"), minor = format.integer("minor");
    if (major != Manifest::kMajor)
      throw InputError("{}: is of format {}.{}, and this program reads {}.x; use a program that knows it",
                       place_, major, minor, Manifest::kMajor);
    is_newer_ = minor > Manifest::kMinor;
    for (const json& feature : format.array("features"))
      throw InputError("{}: needs the feature {}, which this program does not know; use a newer one", place_,
                       feature.dump());
    finish(format);
  }

  void read_description(StepDescription& step) {
    StoredMembers run = group("run");
    step.run_id = run.text("id");
    step.generation = run.integer("generation");
    finish(run);
    step.step = members_.integer("step");
    step.code_version = members_.text("code_version");
    step.config = members_.object("config");
    if (members_.text("config_hash") != hash_of(step.config))
      throw EnvironmentError("{}: 'config' does not have the hash that 'config_hash' gives", place_);
    StoredMembers mesh = group("mesh");
    step.mesh = {.data = mesh.small_integer("data", 1),
                 .pipeline = mesh.small_integer("pipeline", 1),
                 .tensor = mesh.small_integer("tensor", 1)};
    finish(mesh);
    read_progress(step);
    step.seed = members_.unsigned_integer("seed");
    step.tokenizer = read_tokenizer();
    step.validation_loss = read_validation_loss();
    step.roles = read_roles();
  }

  void read_progress(StepDescription& step) {
    StoredMembers data = group("data");
    step.next_sample = data.integer("next_sample");
    for (const json& samples : data.array("samples")) step.samples.push_back(read_samples(samples));
    finish(data);
    StoredMembers optimizer = group("optimizer");
    step.optimizer_updates = optimizer.integer("updates", {.maximum = step.step});
    step.skipped_in_a_row = optimizer.integer("skipped_in_a_row", {.maximum = step.step});
    finish(optimizer);
  }

  int64_t read_samples(const json& value) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > INT64_MAX)
      throw EnvironmentError("{}: data: 'samples' is a list of counts, and {} is none", place_, value.dump());
    return value.get<int64_t>();
  }

  std::optional<TokenizerFacts> read_tokenizer() {
    const json* value = members_.find("tokenizer");
    if (value != nullptr && value->is_null()) return std::nullopt;
    StoredMembers tokenizer = group("tokenizer");
    TokenizerFacts facts{.pad = tokenizer.small_integer("pad"),
                         .eos = tokenizer.small_integer("eos"),
                         .first_sentinel = static_cast<int32_t>(tokenizer.integer(
                             "first_sentinel", {.minimum = -1, .maximum = INT32_MAX})),  // -1: none
                         .sentinel_count = tokenizer.small_integer("sentinel_count"),
                         .hash = tokenizer.text("hash")};
    finish(tokenizer);
    return facts;
  }

  std::optional<double> read_validation_loss() {
    const json* value = members_.find("validation_loss");
    if (value != nullptr && value->is_null()) return std::nullopt;
    if (value == nullptr || !value->is_number())
      throw EnvironmentError("{}: 'validation_loss' is no number", place_);
    return value->get<double>();
  }

  std::vector<StoredRole> read_roles() {
    std::vector<StoredRole> roles;
    for (const json& entry : members_.array("roles")) {
      StoredMembers members(entry, place_ + ": roles");
      const std::string name = members.text("role"), type_name = members.text("dtype");
      const std::optional<Role> role = role_named(name);
      const std::optional<DataType> type = data_type_named(type_name);
      finish(members);
      if (!role || std::ranges::count(roles, *role, &StoredRole::role) > 0)
        throw EnvironmentError("{}: cannot have the role '{}'", place_, name);
      if (!type) throw EnvironmentError("{}: role {}: unknown dtype '{}'", place_, name, type_name);
      if (!roles.empty() && size_bytes(*type) > size_bytes(roles.back().type))
        throw EnvironmentError("{}: role {} has larger elements than the one before", place_, name);
      roles.push_back({.role = *role, .type = *type});
    }
    if (roles.empty()) throw EnvironmentError("{}: 'roles' is empty", place_);
    return roles;
  }

  std::string place_;
  StoredMembers members_;
  bool is_newer_ = false;
};

}  // namespace

Manifest parse_manifest(const std::string& text, const std::string& place) {
  check_seal(text, place);
  return Parser(parse_stored_json(text, place, kMaxManifestBytes), place).parse();
}

}  // namespace tandem::checkpoint
