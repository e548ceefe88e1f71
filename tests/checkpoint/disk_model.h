// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tandem::checkpoint {

/// A file or folder, whatever names lead to it.
struct DiskObject {
  bool is_folder = false;
  std::map<std::string, int> entries = {};  ///< of a folder: numbers of objects
  std::string bytes = {};                   ///< of a file
};

/// A tree; object 0 is its root. Objects that no name leads to may be among them.
struct Disk {
  std::map<int, DiskObject> objects;

  /// Writes the tree to a folder that is not there yet.
  void write_to(const std::filesystem::path& folder) const;
  /// Returns all paths with their contents: equal for equal trees, whatever the objects' numbers.
  std::string to_text() const;
};

/// What a disk calls a file, while it is there.
using FileIdentity = std::pair<uint64_t, uint64_t>;

/// Returns the tree below a folder, and the number of each object if wanted. Links are not known.
Disk read_disk(const std::filesystem::path& folder, std::map<FileIdentity, int>* numbers = nullptr);

/// What a system call did to a disk.
struct Operation {
  enum class Kind { kCreate, kMkdir, kRename, kUnlink, kRmdir, kWrite, kTruncate, kSync, kMark };

  Kind kind = Kind::kMark;
  int client = 0;             ///< machine that made it
  int object = -1;            ///< the folder whose entries change; else what is written, cut or synced
  std::string name = {};      ///< entry of the folder; of kMark its text
  std::string new_name = {};  ///< of kRename, in the same folder
  int child = -1;             ///< what the entry leads to
  std::string bytes = {};
  int64_t position = 0;  ///< of kWrite; of kTruncate the new length

  bool changes_folder() const { return kind <= Kind::kRmdir; }
  bool changes_file() const { return kind == Kind::kWrite || kind == Kind::kTruncate; }
};

/// Does an operation to a disk, also where one that was before it is missing.
void apply(const Operation& operation, Disk& disk);

/// What happened to a disk.
struct DiskHistory {
  Disk before;  ///< what was on it; objects that came later are there too, empty and without a name
  std::vector<Operation> operations;

  /// Returns the disk after the first `count` operations: what a process that ends there leaves.
  Disk after(size_t count) const;
};

}  // namespace tandem::checkpoint
