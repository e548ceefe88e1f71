// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/gloo_group.h"

#include <utility>
#include <vector>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "tandem/base/error.h"

namespace tandem::comm {

namespace {

using Work = c10::intrusive_ptr<c10d::Work>;

class GlooBackend final : public Backend {
 public:
  GlooBackend(const c10::intrusive_ptr<c10d::Store>& store, const GlooOptions& options) : options_(options) {
    auto gloo = c10d::ProcessGroupGloo::Options::create(options.deadline);
    gloo->devices = {
        c10d::ProcessGroupGloo::createDeviceForHostname(options.own_address, /*lazyInit=*/false)};
    gloo->threads = 2;
    group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>(options.name, store), options.rank, options.size, gloo);
  }

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
    std::string place = fmt::format("group {}, rank {} of {}, {} (number {})", options_.name, options_.rank,
                                    options_.size, operation, ++sequence_);
    try {
      Work work = begin();
      // Gloo's point-to-point work refers to the tensor's memory without owning it.
      return Pending([work = std::move(work), kept = std::move(kept), place = std::move(place)] {
        try {
          work->wait();
        } catch (const std::exception& error) {
          fail(place, error);
        }
      });
    } catch (const std::exception& error) {
      fail(place, error);
    }
  }

  [[noreturn]] static void fail(const std::string& place, const std::exception& error) {
    std::string reason = error.what();
    reason = reason.substr(0, reason.find('\n'));
    throw EnvironmentError(
        "{} failed: {}; a peer ended or the network broke, see the logs of the other ranks", place, reason);
  }

  GlooOptions options_;
  int64_t sequence_ = 0;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

}  // namespace

std::shared_ptr<Backend> connect_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                      const GlooOptions& options) {
  try {
    return std::make_shared<GlooBackend>(store, options);
  } catch (const std::exception& error) {
    std::string reason = error.what();
    throw EnvironmentError("group {}: rank {} of {} could not connect to its peers: {}", options.name,
                           options.rank, options.size, reason.substr(0, reason.find('\n')));
  }
}

}  // namespace tandem::comm
