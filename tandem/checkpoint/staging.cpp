// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/staging.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <sys/mman.h>

#include "tandem/base/error.h"
#include "tandem/base/thread_team.h"

namespace tandem::checkpoint {

namespace {

constexpr int64_t kBlockBytes = int64_t{4} << 20;
constexpr size_t kAlignment = 64;

// A stretch of values and where its copy lies.
struct Block {
  const ByteSource* source;
  int64_t first;
  std::span<std::byte> target;
};

// Where each value of the pieces goes, and behind the last where they all end.
std::vector<size_t> places_of(std::span<const Piece> pieces) {
  std::vector<size_t> places{0};
  for (const Piece& piece : pieces)
    for (const ByteSource& source : piece.values)
      places.push_back(places.back() +
                       (static_cast<size_t>(source.size()) + kAlignment - 1) / kAlignment * kAlignment);
  return places;
}

void copy_block(const Block& block) {
  const auto bytes = block.source->at(block.first, block.target);
  if (bytes.data() != block.target.data()) std::memcpy(block.target.data(), bytes.data(), bytes.size());
}

}  // namespace

Staging::~Staging() {
  if (memory_ != nullptr) ::munmap(memory_, size_);
}

void Staging::grow_to(size_t bytes) {
  if (bytes <= size_) return;
  if (memory_ != nullptr) ::munmap(memory_, size_);
  memory_ = nullptr;
  size_ = 0;
  // Its pages are there before they are needed: the first save would else wait for each of them.
  void* memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED)
    throw EnvironmentError(
        "no {} bytes of memory to copy a checkpoint into: {}; set checkpoint.async to false", bytes,
        std::strerror(errno));
  memory_ = static_cast<std::byte*>(memory);
  size_ = bytes;
}

void Staging::reserve(std::span<const Piece> pieces) { grow_to(places_of(pieces).back()); }

std::vector<Piece> Staging::copy(std::span<const Piece> pieces, int threads) {
  const std::vector<size_t> places = places_of(pieces);
  grow_to(places.back());

  std::vector<Piece> copies;
  std::vector<Block> blocks;
  size_t next = 0;
  for (const Piece& piece : pieces) {
    Piece& copy = copies.emplace_back(Piece{.tensor = piece.tensor, .range = piece.range, .values = {}});
    for (const ByteSource& source : piece.values) {
      const std::span target(memory_ + places[next++], static_cast<size_t>(source.size()));
      copy.values.emplace_back(std::span<const std::byte>(target));
      for (int64_t first = 0; first < source.size(); first += kBlockBytes)
        blocks.push_back(
            {.source = &source,
             .first = first,
             .target = target.subspan(static_cast<size_t>(first),
                                      static_cast<size_t>(std::min(kBlockBytes, source.size() - first)))});
    }
  }
  std::atomic<size_t> taken = 0;
  run_on_threads(threads, [&](size_t) {
    for (size_t block = taken++; block < blocks.size(); block = taken++) copy_block(blocks[block]);
  });
  return copies;
}

}  // namespace tandem::checkpoint
