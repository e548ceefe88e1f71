// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::checkpoint {

/// Bytes to be stored: in memory, or made piece by piece as they are written.
class ByteSource {
 public:
  /// Fills `out` with the bytes from `first` on. Called in ascending order, without gaps.
  using Fill = std::function<void(int64_t first, std::span<std::byte> out)>;

  /// Bytes in memory, which `owner` keeps; none: the caller does.
  ByteSource(std::span<const std::byte> bytes, std::shared_ptr<const void> owner = nullptr)
      : memory_(bytes), owner_(std::move(owner)), size_(std::ssize(bytes)) {}
  /// `size` bytes that come from `fill`.
  ByteSource(int64_t size, Fill fill) : size_(size), fill_(std::move(fill)) {}

  int64_t size() const { return size_; }

  /// Returns bytes [first, first + buffer.size()): a view of memory, or of `buffer`, filled.
  std::span<const std::byte> at(int64_t first, std::span<std::byte> buffer) const {
    TANDEM_CHECK(first >= 0 && first <= size_ - std::ssize(buffer));
    if (!fill_) return memory_.subspan(static_cast<size_t>(first), buffer.size());
    fill_(first, buffer);
    return buffer;
  }

 private:
  std::span<const std::byte> memory_;
  std::shared_ptr<const void> owner_;
  int64_t size_ = 0;
  Fill fill_;
};

}  // namespace tandem::checkpoint
