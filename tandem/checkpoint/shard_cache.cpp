// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/shard_cache.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::checkpoint {

namespace {

constexpr size_t kMaxOpen = 32;  // a step may have thousands of files, a process has 1,024 descriptors

}  // namespace

std::string entry_name(Role role, std::string_view tensor, int64_t number) {
  return fmt::format("{}/{}/{}", name_of(role), tensor, number);
}

ShardCache::ShardCache(std::filesystem::path folder, const Manifest& manifest)
    : folder_(std::move(folder)), manifest_(manifest), slices_of_file_(manifest.files.size()) {
  for (const StoredTensor& tensor : manifest.tensors)
    for (const auto& [role, stored] : tensor.roles)
      for (const StoredSlice& slice : stored.slices)
        slices_of_file_[slice.file].push_back({.tensor = &tensor, .role = role, .slice = &slice});
}

std::shared_ptr<const ShardFile> ShardCache::get(size_t file) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(open_.begin(), open_.end(), [&](const OpenFile& o) { return o.file == file; });
  if (found != open_.end()) {
    open_.splice(open_.begin(), open_, found);
  } else {
    auto shard = std::make_shared<const ShardFile>(ShardFile::open(folder_ / manifest_.files[file].name));
    check(*shard, file);
    open_.push_front({.file = file, .shard = std::move(shard)});
    if (open_.size() > kMaxOpen) open_.pop_back();
  }
  return open_.front().shard;
}

void ShardCache::check(const ShardFile& shard, size_t file) const {
  const std::string place = shard.path().string();
  const StepDescription& step = manifest_.description;
  auto expected = metadata_of({.run_id = step.run_id, .step = step.step, .generation = step.generation});
  expected.erase("writer");
  for (const auto& [key, text] : expected) {
    const auto found = shard.metadata().find(key);
    const std::string stored = found == shard.metadata().end() ? "nothing" : found->second;
    if (stored != text)
      throw EnvironmentError("{}: says {} {}, its manifest says {}", place, key, stored, text);
  }
  std::map<std::pair<const StoredTensor*, Role>, int64_t> numbers;
  for (const auto& [tensor, role, slice] : slices_of_file_[file]) {
    const std::string name = entry_name(role, tensor->name, numbers[{tensor, role}]++);
    const DataType type = tensor->roles.at(role).type;
    const auto found = shard.entries().find(name);
    if (found == shard.entries().end())
      throw EnvironmentError("{}: has no {}, which the manifest puts there", place, name);
    if (found->second != ShardEntry{.type = type,
                                    .shape = slice->box.extent,
                                    .position = slice->position,
                                    .bytes = slice->box.num_elements() * size_bytes(type)})
      throw EnvironmentError("{}: {} is not of the type, shape and place that the manifest gives", place,
                             name);
  }
  if (shard.entries().size() != slices_of_file_[file].size())
    throw EnvironmentError("{}: has {} entries, the manifest lists {}", place, shard.entries().size(),
                           slices_of_file_[file].size());
}

}  // namespace tandem::checkpoint
