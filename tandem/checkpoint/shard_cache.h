// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/shard_file.h"

namespace tandem::checkpoint {

/// The shard files of a step, opened when first needed; the few used last stay open. Thread-safe.
class ShardCache {
 public:
  /// The manifest must outlive the cache.
  ShardCache(std::filesystem::path folder, const Manifest& manifest);

  /// Returns a file whose header says just what the manifest says: run, step, and its slices. An
  /// EnvironmentError names what differs.
  std::shared_ptr<const ShardFile> get(size_t file);

 private:
  struct SliceOf {
    const StoredTensor* tensor;
    Role role;
    const StoredSlice* slice;
  };
  struct OpenFile {
    size_t file;
    std::shared_ptr<const ShardFile> shard;
  };
  void check(const ShardFile& shard, size_t file) const;

  std::filesystem::path folder_;
  const Manifest& manifest_;
  std::vector<std::vector<SliceOf>> slices_of_file_;
  std::mutex mutex_;
  std::list<OpenFile> open_;  // the one used last is first
};

/// Returns the name of an entry in a shard file: "moment1/encoder.layer.0.norm/2" for the file's third slice
/// of that tensor and role.
std::string entry_name(Role role, std::string_view tensor, int64_t number);

}  // namespace tandem::checkpoint
