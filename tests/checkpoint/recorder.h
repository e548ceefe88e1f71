// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "disk_model.h"
#include "system_calls.h"

namespace tandem::checkpoint {

/// Sets the machine that this thread's operations are made on; 0 where it was never set.
void set_client(int client);

/// Records what is done below a folder. Whatever goes past it is found by `finish`.
class Recorder final : public CallObserver {
 public:
  explicit Recorder(const std::filesystem::path& root);

  Verdict before(const SystemCall& call) override;
  void after(const SystemCall& call, int64_t result) override;

  /// Notes a moment between operations. From one thread, while no other makes calls.
  void mark(const std::string& text);
  /// Lets the disk fail from here on, once it has had so many operations: what a process that ends there
  /// would not have done.
  void fail_after(size_t operations) { limit_ = operations; }
  /// Ends the record and returns it. Throws where doing all of its operations to the disk as it was does not
  /// give, byte for byte, the disk as it is.
  DiskHistory finish();

 private:
  int object_at(const std::filesystem::path& path) const;
  int object_of(int descriptor) const;
  void add(Operation operation);
  void add_entry(const SystemCall& call, Operation::Kind kind);

  std::filesystem::path root_;
  DiskHistory history_;
  std::map<FileIdentity, int> numbers_;
  size_t limit_ = SIZE_MAX;
  // Of the call under way: what it acts on, and where it writes.
  int target_ = -1;
  int64_t position_ = 0;
  std::optional<Observation> observation_;
};

}  // namespace tandem::checkpoint
