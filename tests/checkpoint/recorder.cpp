// SPDX-License-Identifier: Apache-2.0
#include "recorder.h"

#include <cerrno>
#include <stdexcept>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace tandem::checkpoint {

namespace fs = std::filesystem;
using Kind = Operation::Kind;

namespace {

thread_local int client_of_thread = 0;

}  // namespace

void set_client(int client) { client_of_thread = client; }

Recorder::Recorder(const fs::path& root) : root_(root) {
  history_.before = read_disk(root_, &numbers_);
  observation_.emplace(root_, *this);
}

int Recorder::object_at(const fs::path& path) const {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) return -1;
  return numbers_.at({facts.st_dev, facts.st_ino});
}

int Recorder::object_of(int descriptor) const {
  struct stat facts {};
  if (::fstat(descriptor, &facts) != 0) return -1;
  return numbers_.at({facts.st_dev, facts.st_ino});
}

Verdict Recorder::before(const SystemCall& call) {
  if (changes_disk(call.kind) && history_.operations.size() >= limit_) return {.error = EIO};
  switch (call.kind) {
    case CallKind::kWrite:
    case CallKind::kTruncate:
    case CallKind::kSync:
      target_ = object_of(call.descriptor);
      position_ = call.position >= 0 ? call.position : ::lseek(call.descriptor, 0, SEEK_CUR);
      break;
    case CallKind::kCreate:
    case CallKind::kMkdir:
    case CallKind::kRename:
    case CallKind::kUnlink:
    case CallKind::kRmdir:
      target_ = object_at(call.path);
      break;
    default:
      break;
  }
  return {};
}

void Recorder::add(Operation operation) {
  operation.client = client_of_thread;
  history_.operations.push_back(std::move(operation));
}

void Recorder::add_entry(const SystemCall& call, Kind kind) {
  const fs::path from = call.path, to = call.new_path;
  const int folder = object_at(from.parent_path());
  if (kind == Kind::kRename && object_at(to.parent_path()) != folder)
    throw std::logic_error(call.path + ": renamed into another folder, which the model does not know");
  if (kind == Kind::kCreate || kind == Kind::kMkdir) {
    struct stat facts {};
    ::lstat(call.path.c_str(), &facts);
    target_ = static_cast<int>(history_.before.objects.size());
    history_.before.objects[target_].is_folder = kind == Kind::kMkdir;
    numbers_[{facts.st_dev, facts.st_ino}] = target_;  // the disk may give the number of a removed file again
  }
  add({.kind = kind,
       .object = folder,
       .name = from.filename().string(),
       .new_name = to.filename().string(),
       .child = target_});
}

void Recorder::after(const SystemCall& call, int64_t result) {
  if (result < 0) return;
  switch (call.kind) {
    case CallKind::kCreate:
      if (target_ < 0) return add_entry(call, Kind::kCreate);
      if (call.truncates) add({.kind = Kind::kTruncate, .object = target_});
      return;
    case CallKind::kMkdir:
      return add_entry(call, Kind::kMkdir);
    case CallKind::kRename:
      return add_entry(call, Kind::kRename);
    case CallKind::kUnlink:
      return add_entry(call, Kind::kUnlink);
    case CallKind::kRmdir:
      return add_entry(call, Kind::kRmdir);
    case CallKind::kWrite:
      return add({.kind = Kind::kWrite,
                  .object = target_,
                  .bytes = std::string(call.bytes.substr(0, static_cast<size_t>(result))),
                  .position = position_});
    case CallKind::kTruncate:
      return add({.kind = Kind::kTruncate, .object = target_, .position = position_});
    case CallKind::kSync:
      return add({.kind = Kind::kSync, .object = target_});
    default:
      return;
  }
}

void Recorder::mark(const std::string& text) { add({.kind = Kind::kMark, .name = text}); }

DiskHistory Recorder::finish() {
  observation_.reset();
  if (history_.after(history_.operations.size()).to_text() != read_disk(root_).to_text())
    throw std::logic_error(root_.string() + ": was changed by a call that the recorder does not know");
  return std::move(history_);
}

}  // namespace tandem::checkpoint
