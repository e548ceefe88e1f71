// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/group.h"

#include <algorithm>
#include <cstring>

#include <ATen/ATen.h>

#include "tandem/base/error.h"

namespace tandem::comm {

namespace {

// Tags of the pairwise exchanges, apart from those that callers of send() choose.
constexpr int kAllGatherTag = 1 << 30;
constexpr int kGatherTextTag = kAllGatherTag + 1;
constexpr int kReduceScatterTag = kGatherTextTag + 1;  // and one more for each channel

/// Returns a tensor over the bytes of `text`, which must outlive it.
at::Tensor bytes_of(std::string& text) {
  return at::from_blob(text.data(), {static_cast<int64_t>(text.size())}, at::kByte);
}

at::Tensor length_of(const std::string& text) {
  return at::tensor({static_cast<int64_t>(text.size())}, at::kLong);
}

}  // namespace

void Group::all_reduce(at::Tensor tensor, Reduce operation) const {
  if (size_ > 1) backend_->all_reduce(std::move(tensor), operation).wait();
}

void Group::broadcast(at::Tensor tensor, int root) const {
  if (size_ > 1) backend_->broadcast(std::move(tensor), root).wait();
}

Pending Group::send(at::Tensor tensor, int to, int tag) const {
  TANDEM_CHECK(to != rank_ && to >= 0 && to < size_ && tag >= 0 && tag < kAllGatherTag,
               "send to {} of {}, tag {}", to, size_, tag);
  return backend_->send(std::move(tensor), to, tag);
}

Pending Group::receive(at::Tensor tensor, int from, int tag) const {
  TANDEM_CHECK(from != rank_ && from >= 0 && from < size_ && tag >= 0 && tag < kAllGatherTag,
               "receive from {} of {}, tag {}", from, size_, tag);
  return backend_->receive(std::move(tensor), from, tag);
}

Pending Group::reduce_scatter(at::Tensor input, at::Tensor output, int channel) const {
  TANDEM_CHECK(input.numel() == output.numel() * size_, "reduce-scatter of {} elements into {} x {}",
               input.numel(), size_, output.numel());
  const at::Tensor parts = input.view({size_, output.numel()});
  const at::Tensor flat = output.view({output.numel()});
  if (size_ == 1) {
    if (!output.is_same(input) && output.data_ptr() != input.data_ptr()) flat.copy_(parts[0]);
    return {};
  }
  struct Exchange {
    at::Tensor received;  // one row a peer, in rank order
    std::vector<Pending> operations;
  };
  auto exchange = std::make_shared<Exchange>();
  exchange->received = at::empty_like(parts);
  for (int step = 1; step < size_; ++step) {
    const int from = (rank_ + size_ - step) % size_, to = (rank_ + step) % size_;
    exchange->operations.push_back(
        backend_->receive(exchange->received[from], from, kReduceScatterTag + channel));
    exchange->operations.push_back(backend_->send(parts[to], to, kReduceScatterTag + channel));
  }
  return Pending([=, rank = rank_, size = size_] {
    for (Pending& operation : exchange->operations) operation.wait();
    const auto part = [&](int peer) { return peer == rank ? parts[rank] : exchange->received[peer]; };
    at::Tensor sum = at::add(part(0), part(1));
    for (int peer = 2; peer < size; ++peer) sum.add_(part(peer));
    flat.copy_(sum);
  });
}

Pending Group::all_gather(at::Tensor input, at::Tensor output) const {
  TANDEM_CHECK(output.numel() == input.numel() * size_, "all-gather of {} x {} elements into {}", size_,
               input.numel(), output.numel());
  const at::Tensor parts = output.view({size_, input.numel()});
  const at::Tensor own = parts[rank_];
  if (own.data_ptr() != input.data_ptr()) own.copy_(input.view({input.numel()}));
  auto operations = std::make_shared<std::vector<Pending>>();
  for (int step = 1; step < size_; ++step) {
    const int from = (rank_ + size_ - step) % size_, to = (rank_ + step) % size_;
    operations->push_back(backend_->receive(parts[from], from, kAllGatherTag));
    operations->push_back(backend_->send(own, to, kAllGatherTag));
  }
  return Pending([operations, output] {
    for (Pending& operation : *operations) operation.wait();
  });
}

std::vector<std::string> Group::all_gather_text(const std::string& text) const {
  at::Tensor longest = length_of(text);
  all_reduce(longest, Reduce::kMax);
  const int64_t width = longest.item<int64_t>() + 8;
  at::Tensor own = at::zeros({width}, at::kByte);
  const auto length = static_cast<int64_t>(text.size());
  std::memcpy(own.data_ptr(), &length, 8);
  std::copy(text.begin(), text.end(), static_cast<char*>(own.data_ptr()) + 8);
  at::Tensor all = at::empty({size_, width}, at::kByte);
  all_gather(own, all).wait();
  std::vector<std::string> texts;
  for (int peer = 0; peer < size_; ++peer) {
    const char* row = static_cast<const char*>(all[peer].data_ptr());
    int64_t bytes = 0;
    std::memcpy(&bytes, row, 8);
    texts.emplace_back(row + 8, row + 8 + bytes);
  }
  return texts;
}

std::vector<std::string> Group::gather_text(const std::string& text) const {
  if (rank_ != 0) {
    std::string own = text;
    backend_->send(length_of(own), 0, kGatherTextTag).wait();
    if (!own.empty()) backend_->send(bytes_of(own), 0, kGatherTextTag).wait();
    return {};
  }
  std::vector<std::string> texts{text};
  for (int peer = 1; peer < size_; ++peer) {
    at::Tensor length = at::empty({1}, at::kLong);
    backend_->receive(length, peer, kGatherTextTag).wait();
    std::string& received = texts.emplace_back(static_cast<size_t>(length.item<int64_t>()), '\0');
    if (!received.empty()) backend_->receive(bytes_of(received), peer, kGatherTextTag).wait();
  }
  return texts;
}

std::string Group::broadcast_text(const std::string& text) const {
  at::Tensor length = length_of(text);
  broadcast(length, 0);
  std::string result = rank_ == 0 ? text : std::string(static_cast<size_t>(length.item<int64_t>()), '\0');
  if (!result.empty()) broadcast(bytes_of(result), 0);
  return result;
}

void Group::barrier() const {
  at::Tensor token = at::zeros({1}, at::kLong);
  all_reduce(token);
}

}  // namespace tandem::comm
