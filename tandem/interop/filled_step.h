// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "tandem/checkpoint/manifest.h"
#include "tandem/layout/tensor_spec.h"

namespace tandem::interop {

/// A slice of a parameter whose bytes come from somewhere else when they are wanted.
struct FilledPiece {
  size_t tensor = 0;  ///< index in the list of specs
  layout::Slice slice;
  /// Fills a buffer with the slice's elements, row-major and in the type that the step stores, from
  /// `first_element` on.
  std::function<void(int64_t first_element, std::span<std::byte> out)> fill;
};

/// Saves a step of parameters alone, by this process alone, and returns its folder; as checkpoint::save_step.
/// The description has one role. Holds a block of the pieces in memory, whatever their size.
std::filesystem::path save_filled_step(const std::filesystem::path& folder,
                                       const checkpoint::StepDescription& description,
                                       const std::vector<layout::TensorSpec>& tensors,
                                       std::span<const FilledPiece> pieces);

}  // namespace tandem::interop
