// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace tandem {

/// Owns a file descriptor; -1 is none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Descriptor() { close(); }

  int get() const { return value_; }
  explicit operator bool() const { return value_ >= 0; }
  /// Gives it away; the caller closes it.
  int release() { return std::exchange(value_, -1); }
  void reset(int value = -1) {
    close();
    value_ = value;
  }
  /// Closes and returns close's result: a network file system reports a full disk only there.
  int close() { return value_ < 0 ? 0 : ::close(release()); }

 private:
  int value_ = -1;
};

/// Tells whether the file that is open is still the one at a path, and not one that took its place.
bool is_still_at(const Descriptor& file, const std::string& path);

/// Writes all bytes at a descriptor's place. Returns 0, or what errno says where that fails.
int write_all(int descriptor, std::string_view bytes);

}  // namespace tandem
