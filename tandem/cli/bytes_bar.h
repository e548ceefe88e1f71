// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "tandem/checkpoint/byte_progress.h"
#include "tandem/observe/progress.h"

namespace tandem::cli {

/// A bar over the bytes, which appears with the first of them.
class BytesBar {
 public:
  explicit BytesBar(std::string label) : label_(std::move(label)) {}

  checkpoint::ByteProgress updates() {
    return [this](int64_t done, int64_t total) {
      if (!bar_)
        bar_.emplace(observe::standard_error(),
                     observe::ProgressOptions{.label = label_, .total = total, .unit = "bytes"});
      bar_->update({.done = done});
    };
  }
  void finish() {
    if (bar_) bar_->finish();
  }

 private:
  std::string label_;
  std::optional<observe::Progress> bar_;
};

}  // namespace tandem::cli
