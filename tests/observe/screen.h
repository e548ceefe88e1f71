// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tandem/observe/terminal.h"

namespace tandem::observe {

/// A screen that understands what Terminal sends: text, carriage return, newline, erase to the line's end.
class Screen {
 public:
  explicit Screen(TerminalStyle style, int width = 80) : style_(style), width_(width) {}

  Terminal::Options options() {
    return {.write = [this](std::string_view bytes) { receive(bytes); },
            .columns = [this] { return width_; },
            .style = style_};
  }
  void resize(int width) { width_ = width; }
  /// Returns the lines; the last one is where the cursor stands.
  const std::vector<std::string>& lines() const { return lines_; }
  int writes() const { return writes_; }

 private:
  void receive(std::string_view bytes) {
    ++writes_;
    while (!bytes.empty()) {
      if (bytes.substr(0, 3) == "\x1b[K") {
        lines_.back().resize(column_);
        bytes.remove_prefix(3);
        continue;
      }
      put(bytes[0]);
      bytes.remove_prefix(1);
    }
  }
  void put(char byte) {
    if (byte == '\r') {
      column_ = 0;
    } else if (byte == '\n') {
      lines_.emplace_back();
      column_ = 0;
    } else {
      if (column_ == lines_.back().size()) lines_.back() += ' ';
      lines_.back()[column_++] = byte;
    }
  }

  TerminalStyle style_;
  int width_;
  int writes_ = 0;
  std::vector<std::string> lines_{""};
  size_t column_ = 0;
};

}  // namespace tandem::observe
