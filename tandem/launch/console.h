// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "tandem/observe/terminal.h"

namespace tandem::launch {

/// The two streams of a program.
enum class Stream { kOutput, kError };

/// Bytes on their way to a descriptor that may take them slowly. It never blocks if write_some() is called
/// only when poll() says that the descriptor takes bytes.
class OutputQueue {
 public:
  /// Does not own the descriptor.
  explicit OutputQueue(int descriptor) : descriptor_(descriptor) {}

  void append(std::string_view bytes);
  /// Writes what the descriptor takes at once. Where nobody reads any more, everything is dropped from then
  /// on: the ranks go on without an audience.
  void write_some();
  void drop();

  int descriptor() const { return descriptor_; }
  /// Returns the error number for which output was lost, as of a full disk; 0 where there was none or where
  /// the reader left.
  int failure() const { return failure_; }
  bool empty() const { return start_ == bytes_.size(); }
  /// Says whether whoever fills it should wait.
  bool congested() const { return bytes_.size() - start_ > kEnough; }

 private:
  static constexpr size_t kEnough = 1 << 20;

  int descriptor_;
  std::string bytes_;
  size_t start_ = 0;
  bool broken_ = false;
  int failure_ = 0;
};

/// The launcher's own standard output and standard error: lines to both, and at the bottom of a terminal the
/// progress bar of rank 0. Not thread-safe.
class Console {
 public:
  struct Descriptors {
    int output = 1;
    int error = 2;
  };
  /// A bar is shown only where `error` is this process's standard error and a terminal.
  explicit Console(Descriptors descriptors);

  void print(Stream stream, std::string_view line);
  /// Shows `text` as the bar; empty takes the bar away.
  void show_status(std::string_view text);

  bool shows_status() const { return terminal_.redraws(); }
  int columns() const { return terminal_.columns(); }
  OutputQueue& output() { return output_; }
  const OutputQueue& output() const { return output_; }
  OutputQueue& error() { return error_; }
  bool flushed() const { return output_.empty() && error_.empty(); }
  bool congested() const { return output_.congested() || error_.congested(); }

 private:
  OutputQueue output_, error_;
  observe::Terminal terminal_;
  bool output_is_terminal_;  ///< both streams end on the terminal that shows the bar
};

}  // namespace tandem::launch
