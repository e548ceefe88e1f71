// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tandem/checkpoint/writer.h"

namespace tandem::checkpoint {

/// Memory that values are copied into, so that training may change them while they are written. Taken once
/// and used again: it grows only for a larger step.
class Staging {
 public:
  Staging() = default;
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// Takes the memory that `copy` needs for such pieces, so that the first copy takes no longer than the
  /// next. Errors as there.
  void reserve(std::span<const Piece> pieces);

  /// Copies all values of the pieces on `threads` threads, and returns pieces that point at the copies: good
  /// until the next call. EnvironmentError where there is no memory.
  std::vector<Piece> copy(std::span<const Piece> pieces, int threads);

  /// Returns the bytes taken.
  size_t size() const { return size_; }

 private:
  void grow_to(size_t bytes);

  std::byte* memory_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tandem::checkpoint
