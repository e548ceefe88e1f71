// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/store_channel.h"

#include <utility>

#include <fmt/format.h>

namespace tandem::comm {

StoreChannel::StoreChannel(std::shared_ptr<Keys> keys, int rank, int size)
    : keys_(std::move(keys)), rank_(rank), size_(size) {}

void StoreChannel::begin_exchange() {
  ++exchange_;
  number_ = 0;
}

std::string StoreChannel::next_message() { return fmt::format("{}/{}", exchange_, number_++); }

void StoreChannel::set(const std::string& key, const std::string& text) {
  sent_.push_back(key);
  keys_->set(key, text);
}

// Who has come to a later message has read all before it, or given up on them.
void StoreChannel::remove_sent() {
  for (const std::string& key : std::exchange(sent_, {})) keys_->remove(key);
}

std::vector<std::string> StoreChannel::gather(const std::string& text) {
  if (size_ == 1) return {text};
  const std::string message = next_message();
  const auto key = [&](int rank) { return fmt::format("{}/{}", message, rank); };
  if (rank_ != 0) {
    set(key(rank_), text);
    return {};
  }
  std::vector<std::string> texts{text};
  for (int rank = 1; rank < size_; ++rank) texts.push_back(keys_->get(key(rank)));
  remove_sent();
  return texts;
}

std::string StoreChannel::broadcast(const std::string& text) {
  if (size_ == 1) return text;
  const std::string message = next_message();
  if (rank_ == 0) {
    set(message, text);
    return text;
  }
  std::string told = keys_->get(message);
  remove_sent();
  return told;
}

}  // namespace tandem::comm
