// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace tandem::checkpoint {

/// What a system call does to files.
enum class CallKind {
  kCreate,  // open, where it may create or truncate
  kMkdir,
  kWrite,
  kTruncate,
  kSync,
  kRename,
  kUnlink,
  kRmdir,
  kOpen,  // for reading only
  kRead,
  kStat,
  kList,
  kClose,
};

/// Tells whether calls of a kind change what is on the disk, or make it durable.
bool changes_disk(CallKind kind);

/// Returns "write" and the like.
std::string_view name_of(CallKind kind);

/// A system call about to be made.
struct SystemCall {
  CallKind kind = CallKind::kOpen;
  std::string path;           ///< of the descriptor's file, where it takes a descriptor
  std::string new_path = {};  ///< of a rename
  int descriptor = -1;
  std::string_view bytes = {};  ///< to be written
  int64_t position = -1;        ///< where to; -1: the descriptor's own; of kTruncate the new length
  bool truncates = false;       ///< of kCreate
};

/// What becomes of a call.
struct Verdict {
  int error = 0;                 ///< not 0: it is not made and fails with this errno
  size_t most_bytes = SIZE_MAX;  ///< that it writes or reads
};

/// Sees the system calls of an Observation, one at a time, each first before and then after it was made. Its
/// own are not observed.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual Verdict before(const SystemCall&) { return {}; }
  virtual void after(const SystemCall&, int64_t /*result*/) {}
};

/// While it lives, `observer` sees each call of this process on a path below `root`, an absolute path,
/// whichever library makes it. One at a time.
///
/// The program's own definitions of the calls come before the C library's, for shared libraries too, so that
/// those of std::filesystem are among them.
class Observation {
 public:
  Observation(const std::filesystem::path& root, CallObserver& observer);
  ~Observation();
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;
};

}  // namespace tandem::checkpoint
