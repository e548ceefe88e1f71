// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/manifest.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tandem/base/content_hash.h"
#include "tandem/base/crc32c.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/file.h"

namespace tandem::checkpoint {

namespace {

using nlohmann::json;
using Ordered = nlohmann::ordered_json;

constexpr std::array<std::pair<Role, std::string_view>, 3> kRoles{
    {{Role::kParameter, "parameter"}, {Role::kMoment1, "moment1"}, {Role::kMoment2, "moment2"}}};

std::string hex_of(const std::vector<uint32_t>& sums) {
  std::string text;
  for (const uint32_t sum : sums) text += fmt::format("{:08x}", sum);
  return text;
}

Ordered file_json(const StoredFile& file, int64_t chunk_bytes) {
  Ordered ranges = Ordered::array();
  for (const StoredRange& range : file.ranges) {
    Ordered numbers{range.tensor, range.range.begin, range.range.count};
    for (const auto* sizes : {&range.range.box.offset, &range.range.box.extent})
      for (const int64_t size : *sizes) numbers.push_back(size);
    ranges.push_back(std::move(numbers));
  }
  return {{"name", file.name},
          {"bytes", file.bytes},
          {"data_begin", file.data_begin},
          {"crc32c", hex_of({file.sum(chunk_bytes)})},
          {"chunk_crc32c", hex_of(file.chunk_sums)},
          {"ranges", std::move(ranges)}};
}

Ordered tokenizer_json(const std::optional<TokenizerFacts>& facts) {
  if (!facts) return nullptr;
  return {{"pad", facts->pad},
          {"eos", facts->eos},
          {"first_sentinel", facts->first_sentinel},
          {"sentinel_count", facts->sentinel_count},
          {"hash", facts->hash}};
}

Ordered roles_json(const std::vector<StoredRole>& roles) {
  Ordered list = Ordered::array();
  for (const StoredRole& role : roles)
    list.push_back({{"role", name_of(role.role)}, {"dtype", name_of(role.type)}});
  return list;
}

// One member a line, and one element of a long list a line, so that text tools can show and compare it.
void append_member(std::string& text, std::string_view key, const Ordered& value) {
  text += fmt::format("{}\n \"{}\": ", text.empty() ? "{" : ",", key);
  const bool is_table = value.is_array() && !value.empty() && value.front().is_object();
  if (!is_table) {
    text += value.dump();
    return;
  }
  for (size_t i = 0; i < value.size(); ++i) text += (i == 0 ? "[\n  " : ",\n  ") + value[i].dump();
  text += "\n ]";
}

}  // namespace

std::string_view name_of(Role role) {
  return std::find_if(kRoles.begin(), kRoles.end(), [&](const auto& r) { return r.first == role; })->second;
}

std::optional<Role> role_named(std::string_view name) {
  for (const auto& [role, known] : kRoles)
    if (known == name) return role;
  return std::nullopt;
}

int64_t element_bytes(const StepDescription& description) {
  int64_t bytes = 0;
  for (const StoredRole& role : description.roles) bytes += size_bytes(role.type);
  return bytes;
}

int64_t StoredFile::num_elements() const {
  return ranges.empty() ? 0 : ranges.back().first + ranges.back().range.count;
}

uint32_t StoredFile::sum(int64_t chunk_bytes) const {
  const Crc32cJoint behind_whole_chunk(chunk_bytes);
  uint32_t whole = 0;
  int64_t rest = bytes;
  for (const uint32_t chunk : chunk_sums) {
    whole = rest < chunk_bytes ? Crc32cJoint(rest)(whole, chunk) : behind_whole_chunk(whole, chunk);
    rest -= chunk_bytes;
  }
  return whole;
}

std::optional<size_t> Manifest::find_role(Role role) const {
  const auto& roles = description.roles;
  const auto found = std::ranges::find(roles, role, &StoredRole::role);
  if (found == roles.end()) return std::nullopt;
  return static_cast<size_t>(found - roles.begin());
}

int64_t Manifest::position_of(const StoredFile& file, const StoredRange& range, size_t role) const {
  const std::vector<StoredRole>& roles = description.roles;
  int64_t position = file.data_begin + range.first * size_bytes(roles.at(role).type);
  for (size_t before = 0; before < role; ++before)
    position += file.num_elements() * size_bytes(roles[before].type);
  return position;
}

std::string to_text(const Manifest& manifest) {
  const StepDescription& step = manifest.description;
  Ordered tensors = Ordered::array(), files = Ordered::array();
  for (const StoredTensor& tensor : manifest.tensors)
    tensors.push_back({{"name", tensor.name}, {"shape", tensor.shape}});
  for (const StoredFile& file : manifest.files) files.push_back(file_json(file, manifest.chunk_bytes));

  std::string text;
  append_member(text, "format",
                {{"major", Manifest::kMajor}, {"minor", Manifest::kMinor}, {"features", Ordered::array()}});
  append_member(text, "run", {{"id", step.run_id}, {"generation", step.generation}});
  append_member(text, "step", step.step);
  append_member(text, "times", {{"saved", manifest.saved_at}});
  append_member(text, "code_version", step.code_version);
  append_member(text, "config", step.config);
  append_member(text, "config_hash", hash_of(step.config));
  append_member(text, "mesh",
                {{"data", step.mesh.data}, {"tensor", step.mesh.tensor}, {"pipeline", step.mesh.pipeline}});
  append_member(text, "data", {{"next_sample", step.next_sample}, {"samples", step.samples}});
  append_member(text, "optimizer",
                {{"updates", step.optimizer_updates}, {"skipped_in_a_row", step.skipped_in_a_row}});
  append_member(text, "seed", step.seed);
  append_member(text, "tokenizer", tokenizer_json(step.tokenizer));
  append_member(text, "validation_loss", step.validation_loss ? Ordered(*step.validation_loss) : Ordered());
  append_member(text, "roles", roles_json(step.roles));
  append_member(text, "tensors", tensors);
  append_member(text, "chunk_bytes", manifest.chunk_bytes);
  append_member(text, "files", files);
  return sealed(std::move(text));
}

std::string sealed(std::string body) {
  body += ",\n ";
  body += fmt::format("\"sha256\":\"{}\"}}\n", sha256(body));
  return body;
}

std::string read_manifest_text(const std::filesystem::path& step_folder) {
  constexpr int64_t kMaxBytes = int64_t{64} << 20;
  return read_text(step_folder / Manifest::kFileName, kMaxBytes);
}

std::string claimed_seal(const std::filesystem::path& step_folder) {
  constexpr std::string_view kBegin = R"("sha256":")", kEnd = "\"}\n";
  constexpr int64_t kDigits = 64;
  std::string seal;
  attempt([&] {
    const File file = File::open(step_folder / Manifest::kFileName);
    std::string end(kBegin.size() + kDigits + kEnd.size(), '\0');
    file.read_at(file.size() - std::ssize(end), std::as_writable_bytes(std::span(end)));
    const std::string digits = end.substr(kBegin.size(), kDigits);
    if (end.starts_with(kBegin) && end.ends_with(kEnd) &&
        digits.find_first_not_of("0123456789abcdef") == std::string::npos)
      seal = digits;
  });
  return seal;
}

std::optional<int64_t> claimed_generation(const std::filesystem::path& step_folder) {
  constexpr std::string_view kBegin = R"("generation":)";
  constexpr int64_t kMostBefore = 1024;
  std::optional<int64_t> generation;
  attempt([&] {
    const File file = File::open(step_folder / Manifest::kFileName);
    std::string begin(static_cast<size_t>(std::min(file.size(), kMostBefore)), '\0');
    file.read_at(0, std::as_writable_bytes(std::span(begin)));
    const size_t at = begin.find(kBegin);
    if (at == std::string::npos) return;
    int64_t value = 0;
    const char* first = begin.data() + at + kBegin.size();
    if (std::from_chars(first, begin.data() + begin.size(), value).ec == std::errc()) generation = value;
  });
  return generation;
}

int64_t usual_chunk_bytes(int64_t step_bytes) {
  constexpr int64_t kLeast = int64_t{64} << 10, kMostChunks = int64_t{1} << 21;
  int64_t chunk_bytes = kLeast;
  while (step_bytes / chunk_bytes > kMostChunks) chunk_bytes *= 2;
  return chunk_bytes;
}

std::string hash_of(const json& config) { return content_hash(config.dump()); }

}  // namespace tandem::checkpoint
