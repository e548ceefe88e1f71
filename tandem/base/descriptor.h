// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <utility>

#include <unistd.h>

namespace tandem {

/// Owns a file descriptor; -1 is none.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { close(); }
  int get() const { return value_; }
  /// Closes and returns close's result: a network file system reports a full disk only there.
  int close() { return value_ < 0 ? 0 : ::close(std::exchange(value_, -1)); }

 private:
  int value_;
};

/// Writes all bytes at a descriptor's place. Returns 0, or what errno says where that fails.
int write_all(int descriptor, std::string_view bytes);

}  // namespace tandem
