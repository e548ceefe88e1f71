// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/c10d_backend.h"

#include <utility>
#include <vector>

#include "tandem/comm/lost_peer.h"

namespace tandem::comm {

namespace {

using Work = c10::intrusive_ptr<c10d::Work>;

class C10dBackend final : public Backend {
 public:
  C10dBackend(c10::intrusive_ptr<c10d::Backend> group, GroupPlace place)
      : group_(std::move(group)), place_(std::move(place)) {}

  Pending all_reduce(at::Tensor tensor, Reduce operation) override {
    c10d::AllreduceOptions options;
    options.reduceOp = operation == Reduce::kSum ? c10d::ReduceOp::SUM : c10d::ReduceOp::MAX;
    std::vector<at::Tensor> tensors{std::move(tensor)};
    return start("all_reduce", [&] { return group_->allreduce(tensors, options); });
  }

  Pending broadcast(at::Tensor tensor, int root) override {
    c10d::BroadcastOptions options;
    options.rootRank = root;
    std::vector<at::Tensor> tensors{std::move(tensor)};
    return start("broadcast", [&] { return group_->broadcast(tensors, options); });
  }

  Pending send(at::Tensor tensor, int to, int tag) override {
    std::vector<at::Tensor> tensors{std::move(tensor)};
    return start(
        fmt::format("send to {}", to), [&] { return group_->send(tensors, to, tag); }, tensors[0]);
  }

  Pending receive(at::Tensor tensor, int from, int tag) override {
    std::vector<at::Tensor> tensors{std::move(tensor)};
    return start(
        fmt::format("receive from {}", from), [&] { return group_->recv(tensors, from, tag); }, tensors[0]);
  }

 private:
  template <typename Start>
  Pending start(std::string operation, const Start& begin, at::Tensor kept = {}) {
    std::string place = fmt::format("group {}, rank {} of {}, {} (number {})", place_.name, place_.rank,
                                    place_.size, operation, ++sequence_);
    try {
      // Gloo's point-to-point work refers to the tensor's memory without owning it: it must go first, also
      // where the handle is dropped with the message under way.
      struct Started {
        at::Tensor kept;
        Work work;
      };
      auto started = std::make_shared<Started>(Started{std::move(kept), begin()});
      return Pending([started = std::move(started), place = std::move(place)] {
        try {
          started->work->wait();
        } catch (const std::exception& error) {
          fail(place, error);
        }
      });
    } catch (const std::exception& error) {
      fail(place, error);
    }
  }

  [[noreturn]] static void fail(const std::string& place, const std::exception& error) {
    throw LostPeerError("{} failed: {}; a peer ended or the network broke, see the logs of the other ranks",
                        place, first_sentence(error));
  }

  c10::intrusive_ptr<c10d::Backend> group_;
  GroupPlace place_;
  int64_t sequence_ = 0;
};

}  // namespace

std::shared_ptr<Backend> as_backend(c10::intrusive_ptr<c10d::Backend> group, GroupPlace place) {
  return std::make_shared<C10dBackend>(std::move(group), std::move(place));
}

std::string first_sentence(const std::exception& error) {
  const std::string text = error.what();
  std::string line = text.substr(0, text.find('\n'));
  while (line.ends_with('.')) line.pop_back();
  return line;
}

void fail_to_connect(const GroupPlace& place, const std::exception& error) {
  throw LostPeerError("group {}: rank {} of {} could not connect to its peers: {}", place.name, place.rank,
                      place.size, first_sentence(error));
}

}  // namespace tandem::comm
