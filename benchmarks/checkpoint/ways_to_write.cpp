// SPDX-License-Identifier: Apache-2.0
// ways_to_write FOLDER ROUNDS: four processes write 250 MB each and bring it to the disk, in turns through
// the page cache, through it with the device set to work early, and past it (O_DIRECT), each with and without
// CRC32C of 64 KiB chunks. Prints a table of seconds, and what the checksums add in the median of the pairs
// of runs, with the bounds that hold the true median 95 times in 100.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tandem/base/crc32c.h"

namespace fs = std::filesystem;

namespace {

constexpr size_t kWriters = 4, kBytes = size_t{250} << 20, kChunk = size_t{64} << 10;
constexpr size_t kWriteback = size_t{10} << 20;

struct Way {
  std::string name;
  size_t block;
  int flags = 0;
  bool starts_early = false;
  std::array<std::vector<double>, 2> seconds = {};  // without and with checksums
};

void write_file(const fs::path& path, const Way& way, std::span<const std::byte> bytes, size_t with_sums) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | way.flags, 0600);
  uint32_t sums = 0;
  for (size_t at = 0; at < bytes.size(); at += way.block) {
    const auto block = bytes.subspan(at, way.block);
    for (size_t chunk = 0; with_sums == 1 && chunk < block.size(); chunk += kChunk)
      sums ^= tandem::crc32c(block.subspan(chunk, kChunk));
    if (::write(file, block.data(), block.size()) != std::ssize(block)) std::_Exit(1);
    const size_t end = at + block.size();
    if (way.starts_early && end % kWriteback == 0)
      ::sync_file_range(file, static_cast<off64_t>(end - kWriteback), kWriteback, SYNC_FILE_RANGE_WRITE);
  }
  std::_Exit(::fsync(file) == 0 && (with_sums == 0 || sums != 1) ? 0 : 1);
}

double measure(const fs::path& folder, const Way& way, std::span<const std::byte> bytes, size_t with_sums) {
  std::vector<fs::path> paths;
  for (size_t writer = 0; writer < kWriters; ++writer)
    fs::remove(paths.emplace_back(folder / fmt::format("written_{}", writer)));
  ::sync();
  const auto start = std::chrono::steady_clock::now();
  for (const fs::path& path : paths)
    if (::fork() == 0) write_file(path, way, bytes, with_sums);
  bool good = true;
  for (int status = 0; ::wait(&status) > 0;) good = good && status == 0;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  for (const fs::path& path : paths) fs::remove(path);
  if (!good) fmt::print(stderr, "error: {}: a write failed\n", way.name), std::_Exit(3);
  return seconds.count();
}

void print_row(const Way& way) {
  auto [without, with] = way.seconds;
  std::vector<double> added;
  for (size_t i = 0; i < with.size(); ++i) added.push_back(with[i] / without[i] - 1);
  for (std::vector<double>* list : {&without, &with, &added}) std::ranges::sort(*list);
  const size_t middle = added.size() / 2;
  // Ranks of the ordered sample that enclose the median, by the binomial distribution's normal limit.
  const size_t reach = std::min(middle, static_cast<size_t>(std::ceil(0.98 * std::sqrt(added.size()))));
  fmt::print("| {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:+.1f} % | {:+.1f} to {:+.1f} % |\n", way.name,
             without.front(), without[middle], with.front(), with[middle], 100 * added[middle],
             100 * added[middle - reach], 100 * added[std::min(middle + reach, added.size() - 1)]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return fmt::print(stderr, "usage: ways_to_write FOLDER ROUNDS\n"), 2;
  void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const std::span bytes(static_cast<std::byte*>(memory), kBytes);
  std::ranges::fill(bytes, std::byte{7});
  constexpr size_t kSmall = size_t{256} << 10, kLarge = size_t{5} << 20;
  std::vector<Way> ways{{.name = "page cache", .block = kSmall},
                        {.name = "page cache, early", .block = kSmall, .starts_early = true},
                        {.name = "direct", .block = kLarge, .flags = O_DIRECT}};
  for (int round = 0; round < std::atoi(argv[2]); ++round)
    for (Way& way : ways)
      // What comes second may profit from the first: so each comes first every other time.
      for (const int turn : {0, 1}) {
        const size_t with_sums = (round + turn) % 2 == 0 ? 0 : 1;
        way.seconds[with_sums].push_back(measure(argv[1], way, bytes, with_sums));
      }
  fmt::print("| way | best s | median s | with checksums, best s | median s | they add | 95 % |\n");
  fmt::print("|---|---|---|---|---|---|---|\n");
  for (const Way& way : ways) print_row(way);
  return 0;
}
