// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/rank_output.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include "tandem/launch/log_file.h"

namespace tandem::launch {
namespace {

constexpr size_t kLongestReport = 500;

std::string_view without_erasure(std::string_view line) {
  if (line.ends_with(kEraseToEnd)) line.remove_suffix(kEraseToEnd.size());
  return line;
}

}  // namespace

Descriptor open_rank_log(const std::string& folder, int rank) {
  return open_log_file(folder, fmt::format("rank_{:05}.log", rank));
}

RankOutput::RankOutput(Options options, Console& console, Descriptor log)
    : options_(options),
      console_(console),
      log_(std::move(log)),
      prefix_(fmt::format("[rank {}] ", options.rank)) {}

void RankOutput::take(Stream stream, std::string_view bytes) {
  LineSplitter& splitter = splitters_[static_cast<size_t>(stream)];
  splitter.feed(bytes, [&](std::string_view line) { print(stream, line); });
  if (options_.owns_bar && stream == Stream::kError && splitter.redrawn())
    console_.show_status(without_erasure(splitter.unfinished()));
  write_log();
}

void RankOutput::finish() {
  for (const Stream stream : {Stream::kOutput, Stream::kError}) {
    LineSplitter& splitter = splitters_[static_cast<size_t>(stream)];
    splitter.finish([&](std::string_view line) {
      if (!without_erasure(line).empty()) print(stream, line);
    });
  }
  if (options_.owns_bar) console_.show_status("");
  write_log();
}

void RankOutput::print(Stream stream, std::string_view line) {
  line = without_erasure(line);
  console_.print(stream, prefix_ + std::string(line));
  if (log_) log_bytes_.append(line).append("\n");
  if (line.find_first_not_of(" \t") == std::string_view::npos) return;
  last_lines_[static_cast<size_t>(stream)] = line;
  if (stream == Stream::kError && line.starts_with("error:")) last_error_ = line;
}

void RankOutput::write_log() {
  std::string_view rest = log_bytes_;
  while (!rest.empty()) {
    const ssize_t written = ::write(log_.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      // A full disk must not end the ranks; the console still shows what they say.
      console_.print(Stream::kError, fmt::format("launch: the log of rank {} ends here: {}", options_.rank,
                                                 std::strerror(errno)));
      log_.reset();
      break;
    }
    rest.remove_prefix(static_cast<size_t>(written));
  }
  log_bytes_.clear();
}

std::string RankOutput::last_words() const {
  const auto& [output, error] = last_lines_;
  std::string words = !last_error_.empty() ? last_error_ : !error.empty() ? error : output;
  if (words.size() > kLongestReport) words = words.substr(0, kLongestReport) + " ...";
  return words;
}

}  // namespace tandem::launch
