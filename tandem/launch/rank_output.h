// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "tandem/base/descriptor.h"
#include "tandem/launch/console.h"
#include "tandem/launch/line_splitter.h"

namespace tandem::launch {

/// Opens `rank_00003.log` in the folder; as open_log_file.
Descriptor open_rank_log(const std::string& folder, int rank);

/// What becomes of one rank's output: each line goes to the console as `[rank 3] line` and to the rank's log
/// as it is; the last words on standard error are kept for the report. Not thread-safe.
class RankOutput {
 public:
  struct Options {
    int rank = 0;
    bool owns_bar = false;  ///< lines that this rank redraws become the console's bar
  };
  /// `console` must outlive it; `log` may be empty.
  RankOutput(Options options, Console& console, Descriptor log);

  void take(Stream stream, std::string_view bytes);
  /// Ends unfinished lines; nothing is taken afterwards.
  void finish();

  /// Returns why the rank failed, in its own words: its last line that starts with `error:`, else its last
  /// line on standard error, else on standard output; cut to a readable length, empty if it said nothing.
  std::string last_words() const;

 private:
  void print(Stream stream, std::string_view line);
  void write_log();

  Options options_;
  Console& console_;
  Descriptor log_;
  std::string prefix_;
  std::string log_bytes_;
  std::array<LineSplitter, 2> splitters_;
  std::array<std::string, 2> last_lines_;
  std::string last_error_;
};

}  // namespace tandem::launch
