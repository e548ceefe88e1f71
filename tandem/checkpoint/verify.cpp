// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/verify.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "tandem/base/thread_team.h"
#include "tandem/checkpoint/failure.h"

namespace tandem::checkpoint {

namespace {

// The chunks of all files, taken one by one by whichever thread is free.
class Reading {
 public:
  Reading(const StepReader& step, const ByteProgress& progress)
      : manifest_(step.manifest()),
        files_(copies_in(step.folder(), manifest_), manifest_),
        progress_(progress) {
    for (const StoredFile& file : manifest_.files) total_ += file.bytes;
  }

  Verification run(int threads) {
    run_on_threads(threads, [&](size_t) {
      std::vector<std::byte> buffer(static_cast<size_t>(manifest_.chunk_bytes));
      while (const std::optional<Chunk> chunk = take()) read(*chunk, buffer);
    });
    Verification result{.files = std::ssize(manifest_.files), .bytes = total_, .damages = {}};
    for (auto& [place, damage] : damages_) result.damages.push_back(std::move(damage));
    return result;
  }

 private:
  using Chunk = std::pair<size_t, int64_t>;  // file and number

  std::optional<Chunk> take() {
    const std::lock_guard lock(mutex_);
    while (next_.first < manifest_.files.size()) {
      const auto chunks = std::ssize(manifest_.files[next_.first].chunk_sums);
      if (next_.second < chunks) return Chunk{next_.first, next_.second++};
      next_ = {next_.first + 1, 0};
    }
    return std::nullopt;
  }

  void read(const Chunk& chunk, std::vector<std::byte>& buffer) {
    const size_t file = chunk.first;
    const int64_t number = chunk.second;
    const int64_t bytes = files_.chunk_size(file, number);
    const auto failure = attempt(
        [&] { files_.read_chunk(file, number, std::span(buffer).first(static_cast<size_t>(bytes))); });
    if (failure && failure->may_be_whole) raise(*failure);
    const std::lock_guard lock(mutex_);
    // A file that cannot even be opened fails at each of its chunks, with one message.
    if (failure && failure->message != last_[file]) damages_[chunk] = last_[file] = failure->message;
    done_ += bytes;
    if (progress_) progress_(done_, total_);
  }

  const Manifest& manifest_;
  StepFiles files_;
  const ByteProgress& progress_;
  std::mutex mutex_;
  Chunk next_{0, 0};
  int64_t done_ = 0, total_ = 0;
  std::map<Chunk, std::string> damages_;
  std::map<size_t, std::string> last_;
};

}  // namespace

void read_back(const std::filesystem::path& step_folder, std::span<const int> writers, Agreement& agreement) {
  on_every_rank(agreement, [&] {
    const StepReader saved = StepReader::open_step(step_folder);
    for (size_t file = 0; file < saved.manifest().files.size(); ++file) {
      const int writer = writers.empty() ? static_cast<int>(file) : writers[file];
      if ((writer + 1) % agreement.size() == agreement.rank()) verify_file(saved, file);
    }
  });
}

void verify_file(const StepReader& step, size_t file) {
  const Manifest& manifest = step.manifest();
  StepFiles(copies_in(step.folder(), manifest), manifest).read_file(file, [](std::span<const std::byte>) {});
}

Verification verify(const StepReader& step, int threads, const ByteProgress& progress) {
  return Reading(step, progress).run(threads);
}

}  // namespace tandem::checkpoint
