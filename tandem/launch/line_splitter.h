// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace tandem::launch {

/// What a program writes behind a line that it redraws, to take away what stood there.
constexpr std::string_view kEraseToEnd = "\x1b[K";

/// Cuts a stream of bytes into lines as a screen would show them: what a carriage return lets later text
/// overwrite is gone, `\r\n` ends a line as `\n` does. A line longer than kLongestLine comes in pieces, cut
/// between UTF-8 characters.
class LineSplitter {
 public:
  static constexpr size_t kLongestLine = size_t{64} * 1024;
  using Sink = std::function<void(std::string_view line)>;

  /// Gives each line that `bytes` completes, without its end, to `sink`.
  void feed(std::string_view bytes, const Sink& sink);
  /// Gives the unfinished line, if there is one, to `sink`.
  void finish(const Sink& sink);

  /// Returns the unfinished line.
  std::string_view unfinished() const { return pending_; }
  /// Says whether the unfinished line is one that its program redraws in place: it follows or ends with a
  /// carriage return, or erases what is behind it.
  bool redrawn() const;

 private:
  void add(std::string_view text, const Sink& sink);

  std::string pending_;
  bool after_return_ = false;    ///< more text would overwrite pending_
  bool follows_return_ = false;  ///< pending_ overwrote something
};

}  // namespace tandem::launch
