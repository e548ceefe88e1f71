// SPDX-License-Identifier: Apache-2.0
#include "power_loss.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tandem::checkpoint {

namespace {

size_t below(std::mt19937_64& random, size_t count) { return static_cast<size_t>(random() % count); }

// The part of a text that lies in a block, filled up with zeros where it ends before.
std::string block_of(const std::string& text, size_t begin, size_t count) {
  std::string block = begin < text.size() ? text.substr(begin, count) : "";
  block.resize(count, '\0');
  return block;
}

}  // namespace

PowerLoss::PowerLoss(const DiskHistory& history, size_t point) : history_(history), is_durable_(point, true) {
  std::set<int> synced;                     // from some operation on
  std::set<std::pair<int, int>> synced_by;  // folder and machine
  for (size_t i = point; i-- > 0;) {
    const Operation& operation = history.operations[i];
    if (operation.kind == Operation::Kind::kSync) {
      synced.insert(operation.object);
      synced_by.insert({operation.object, operation.client});
    } else if (operation.changes_file() && !synced.contains(operation.object)) {
      is_durable_[i] = false;
      files_.insert(operation.object);
    } else if (operation.changes_folder() && !synced_by.contains({operation.object, operation.client})) {
      is_durable_[i] = false;
      entries_.push_back(i);
    }
  }
}

std::set<size_t> PowerLoss::lost_entries(int way, std::mt19937_64& random) const {
  std::set<size_t> lost(entries_.begin(), entries_.end());
  const size_t one = entries_.empty() ? 0 : entries_[below(random, entries_.size())];
  switch (way) {
    case 0:
    case 2:
      break;
    case 1:
    case 3:
    case 4:
      lost.clear();
      break;
    case 5:
      lost = {one};
      break;
    case 6:
      lost.erase(one);
      break;
    default:
      std::erase_if(lost, [&](size_t) { return below(random, 2) == 0; });
  }
  return lost;
}

// What of a file's unsynced bytes is on the disk.
std::string PowerLoss::torn(const std::string& old, const std::string& written, Data data,
                            std::mt19937_64& random) const {
  if (data == Data::kNone) return old;
  if (data == Data::kAll) return written;
  const size_t block = below(random, 4) == 0 ? 4096 : 512;
  size_t size = written.size();
  if (data == Data::kTorn && below(random, 2) == 0)
    size = below(random, 2) == 0 ? old.size() : std::min(size, block * below(random, size / block + 1));
  std::string result;
  for (size_t begin = 0; begin < size; begin += block) {
    const size_t count = std::min(block, size - begin);
    const std::string before = block_of(old, begin, count), after = block_of(written, begin, count);
    std::string garbage(count, '\0');
    for (char& byte : garbage) byte = static_cast<char>(random());
    const std::array choices{after, before, std::string(count, '\0'), garbage};
    const size_t choice = data == Data::kZeros ? 2 : below(random, choices.size());
    result += before == after && begin + count <= old.size() ? after : choices.at(choice);
  }
  return result;
}

Disk PowerLoss::draw(int way, std::mt19937_64& random) const {
  constexpr std::array kData{Data::kNone, Data::kNone, Data::kAll,  Data::kZeros, Data::kTorn,
                             Data::kAll,  Data::kTorn, Data::kTorn, Data::kAll};
  const std::set<size_t> lost = lost_entries(way, random);
  Disk disk = history_.before;
  for (size_t i = 0; i < is_durable_.size(); ++i) {
    const Operation& operation = history_.operations[i];
    if (is_durable_[i] || (operation.changes_folder() && !lost.contains(i))) apply(operation, disk);
  }
  const Disk full = history_.after(is_durable_.size());
  for (const int file : files_) {
    std::string& bytes = disk.objects.at(file).bytes;
    bytes = torn(bytes, full.objects.at(file).bytes, kData.at(static_cast<size_t>(way)), random);
  }
  return disk;
}

}  // namespace tandem::checkpoint
