// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/store_channel.h"

#include <utility>

#include <fmt/format.h>

namespace tandem::comm {

StoreChannel::StoreChannel(std::shared_ptr<Keys> keys, int rank, int size)
    : keys_(std::move(keys)), rank_(rank), size_(size) {}

std::vector<std::string> StoreChannel::gather(const std::string& text) {
  if (size_ == 1) return {text};
  const int64_t number = number_++;
  const auto key = [&](int rank) { return fmt::format("{}/{}", number, rank); };
  if (rank_ != 0) {
    keys_->set(key(rank_), text);
    return {};
  }
  std::vector<std::string> texts{text};
  for (int rank = 1; rank < size_; ++rank) {
    texts.push_back(keys_->get(key(rank)));
    keys_->remove(key(rank));
  }
  // Who has come here has read all that was broadcast before.
  for (const std::string& read : sent_) keys_->remove(read);
  sent_.clear();
  return texts;
}

std::string StoreChannel::broadcast(const std::string& text) {
  if (size_ == 1) return text;
  const std::string key = std::to_string(number_++);
  if (rank_ != 0) return keys_->get(key);
  keys_->set(key, text);
  sent_.push_back(key);
  return text;
}

}  // namespace tandem::comm
