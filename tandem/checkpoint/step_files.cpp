// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/step_files.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "tandem/base/crc32c.h"
#include "tandem/base/error.h"

namespace tandem::checkpoint {

namespace {

constexpr size_t kMaxOpen = 32;  // a step may have thousands of files, a process has 1,024 descriptors

}  // namespace

std::string entry_name(Role role, std::string_view tensor, int64_t number) {
  return fmt::format("{}/{}/{}", name_of(role), tensor, number);
}

layout::Shape entry_shape(const layout::BoxRange& range) {
  return range.is_whole() ? range.box.extent : layout::Shape{range.count};
}

FileCopies copies_in(const std::filesystem::path& step_folder, const Manifest& manifest) {
  FileCopies copies;
  for (const StoredFile& file : manifest.files) copies.push_back({step_folder / file.name});
  return copies;
}

StepFiles::StepFiles(FileCopies copies, const Manifest& manifest)
    : copies_(std::move(copies)), manifest_(manifest) {
  TANDEM_CHECK(copies_.size() == manifest_.files.size());
}

std::shared_ptr<const ShardFile> StepFiles::open(const Copy& copy) {
  const std::lock_guard lock(mutex_);
  if (const auto found = unopenable_.find(copy); found != unopenable_.end()) raise(found->second);
  const auto found = std::ranges::find(open_, copy, &OpenFile::copy);
  if (found != open_.end()) {
    open_.splice(open_.begin(), open_, found);
    return open_.front().shard;
  }
  const auto failure = attempt([&] {
    const StoredFile& stored = manifest_.files.at(copy.file);
    ShardFile opened = ShardFile::open_unread(copies_[copy.file].at(copy.number));
    if (opened.bytes() != stored.bytes)
      throw EnvironmentError("{}: has {} bytes, its manifest says {}", opened.path().string(), opened.bytes(),
                             stored.bytes);
    std::vector<std::byte> chunk;
    for (int64_t number = 0; number * manifest_.chunk_bytes < stored.data_begin; ++number) {
      chunk.resize(static_cast<size_t>(chunk_size(copy.file, number)));
      read_chunk_of(opened, copy.file, number, chunk);
    }
    opened.read_header();
    check_header(opened, copy.file);
    open_.push_front({.copy = copy, .shard = std::make_shared<const ShardFile>(std::move(opened))});
  });
  if (failure) raise(unopenable_.try_emplace(copy, *failure).first->second);
  if (open_.size() > kMaxOpen) open_.pop_back();
  return open_.front().shard;
}

void StepFiles::read_copy(const Copy& copy, int64_t chunk, std::span<std::byte> out) {
  read_chunk_of(*open(copy), copy.file, chunk, out);
}

void StepFiles::read_chunk(size_t file, int64_t chunk, std::span<std::byte> out) {
  const auto copies = copies_.at(file).size();
  TANDEM_CHECK(copies > 0, "{}: a file without a copy is read", manifest_.files[file].name);
  std::vector<std::string> damages;
  bool may_be_whole = false;
  for (size_t number = 0; number < copies; ++number) {
    const auto failure = attempt([&] { read_copy({.file = file, .number = number}, chunk, out); });
    if (!failure) break;
    if (failure->kind != ErrorKind::kEnvironment) raise(*failure);
    damages.push_back(failure->message);
    may_be_whole |= failure->may_be_whole;
  }
  if (damages.size() == copies)
    raise({.kind = ErrorKind::kEnvironment,
           .message = fmt::format("{}", fmt::join(damages, "; its other copy is no better: ")),
           .may_be_whole = may_be_whole});
  if (damages.empty()) return;
  const std::lock_guard lock(mutex_);
  for (size_t number = 0; number < damages.size(); ++number)
    detours_.try_emplace(
        {.file = file, .number = number},
        fmt::format("{}; {} is read instead", damages[number], copies_[file][damages.size()].string()));
}

void StepFiles::read_file(size_t file, const std::function<void(std::span<const std::byte>)>& take) {
  std::vector<std::byte> buffer(static_cast<size_t>(manifest_.chunk_bytes));
  for (int64_t chunk = 0; chunk < std::ssize(manifest_.files.at(file).chunk_sums); ++chunk) {
    const auto bytes = std::span(buffer).first(static_cast<size_t>(chunk_size(file, chunk)));
    read_chunk(file, chunk, bytes);
    take(bytes);
  }
}

std::vector<std::string> StepFiles::detours() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lines;
  for (const auto& [copy, line] : detours_) lines.push_back(line);
  return lines;
}

int64_t StepFiles::chunk_size(size_t file, int64_t chunk) const {
  return std::min(manifest_.chunk_bytes, manifest_.files.at(file).bytes - chunk * manifest_.chunk_bytes);
}

void StepFiles::read_chunk_of(const ShardFile& shard, size_t file, int64_t chunk,
                              std::span<std::byte> out) const {
  const int64_t begin = chunk * manifest_.chunk_bytes;
  TANDEM_CHECK(std::ssize(out) == chunk_size(file, chunk));
  shard.read_at(begin, out);
  const uint32_t sum = crc32c(out), stored = manifest_.files[file].chunk_sums.at(static_cast<size_t>(chunk));
  if (sum == stored) return;
  const int64_t end = begin + std::ssize(out);
  throw EnvironmentError("{}: bytes {} to {} are damaged (CRC32C {:08x}, its manifest says {:08x}): {}",
                         shard.path().string(), begin, end - 1, sum, stored, content_of(file, begin, end));
}

// What lies in bytes [begin, end) of a file, for people.
std::string StepFiles::content_of(size_t file, int64_t begin, int64_t end) const {
  constexpr size_t kShown = 3;
  const StoredFile& stored = manifest_.files[file];
  std::vector<std::string> content;
  if (begin < stored.data_begin) content.emplace_back("the header");
  for (size_t role = 0; role < manifest_.description.roles.size(); ++role)
    for (const StoredRange& range : stored.ranges) {
      const auto [name, type] = manifest_.description.roles[role];
      const int64_t from = manifest_.position_of(stored, range, role);
      const int64_t to = from + range.range.count * size_bytes(type);
      if (from < end && begin < to)
        content.push_back(fmt::format("{} of {} {}", name_of(name), manifest_.tensors[range.tensor].name,
                                      layout::to_string(range.range)));
    }
  const size_t more = content.size() - std::min(content.size(), kShown);
  content.resize(std::min(content.size(), kShown));
  return fmt::format("{}{}", fmt::join(content, ", "), more == 0 ? "" : fmt::format(", {} more", more));
}

void StepFiles::check_label(const ShardFile& shard) const {
  const StepDescription& step = manifest_.description;
  auto expected = metadata_of({.step = step.step, .generation = step.generation});
  expected.erase("writer");
  for (const auto& [key, text] : expected) {
    const auto found = shard.metadata().find(key);
    const std::string stored = found == shard.metadata().end() ? "nothing" : found->second;
    if (stored != text)
      throw EnvironmentError("{}: says {} {}, its manifest says {}", shard.path().string(), key, stored,
                             text);
  }
}

void StepFiles::check_header(const ShardFile& shard, size_t file) const {
  check_label(shard);
  const std::string place = shard.path().string();
  const StoredFile& stored = manifest_.files[file];
  const std::vector<StoredRole>& roles = manifest_.description.roles;
  for (size_t role = 0; role < roles.size(); ++role) {
    std::map<size_t, int64_t> numbers;
    for (const StoredRange& range : stored.ranges) {
      const DataType type = roles[role].type;
      const std::string name =
          entry_name(roles[role].role, manifest_.tensors[range.tensor].name, numbers[range.tensor]++);
      const auto found = shard.entries().find(name);
      if (found == shard.entries().end())
        throw EnvironmentError("{}: has no {}, which the manifest puts there", place, name);
      if (found->second != ShardEntry{.type = type,
                                      .shape = entry_shape(range.range),
                                      .position = manifest_.position_of(stored, range, role),
                                      .bytes = range.range.count * size_bytes(type)})
        throw EnvironmentError("{}: {} is not of the type, shape and place that the manifest gives", place,
                               name);
    }
  }
  const size_t expected = stored.ranges.size() * roles.size();
  if (shard.entries().size() != expected)
    throw EnvironmentError("{}: has {} entries, the manifest lists {}", place, shard.entries().size(),
                           expected);
}

}  // namespace tandem::checkpoint
