// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/line_splitter.h"

#include <algorithm>

#include "tandem/base/utf8.h"

namespace tandem::launch {

void LineSplitter::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    add(bytes.substr(0, end), sink);
    if (end == bytes.size()) return;
    if (bytes[end] == '\n') {
      sink(pending_);
      pending_.clear();
      after_return_ = follows_return_ = false;
    } else {
      after_return_ = true;
    }
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::add(std::string_view text, const Sink& sink) {
  if (text.empty()) return;
  if (after_return_) {
    pending_.clear();
    after_return_ = false;
    follows_return_ = true;
  }
  pending_ += text;
  size_t start = 0;
  while (pending_.size() - start > kLongestLine) {
    size_t end = start + kLongestLine;
    // Bytes that are no UTF-8 are cut anywhere.
    for (int back = 0; back < 3 && !begins_character(pending_[end]); ++back) --end;
    sink(std::string_view(pending_).substr(start, end - start));
    start = end;
  }
  pending_.erase(0, start);
}

void LineSplitter::finish(const Sink& sink) {
  if (!pending_.empty()) sink(pending_);
  pending_.clear();
  after_return_ = follows_return_ = false;
}

bool LineSplitter::redrawn() const {
  return after_return_ || follows_return_ || std::string_view(pending_).ends_with(kEraseToEnd);
}

}  // namespace tandem::launch
