// SPDX-License-Identifier: Apache-2.0
#include "tandem/comm/nccl_group.h"

#include <utility>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "tandem/base/error.h"
#include "tandem/comm/c10d_backend.h"

namespace tandem::comm {

namespace {

class NcclBackend final : public Backend {
 public:
  NcclBackend(std::shared_ptr<Backend> collectives, std::string name)
      : collectives_(std::move(collectives)), name_(std::move(name)) {}

  Pending all_reduce(at::Tensor tensor, Reduce operation) override {
    return collectives_->all_reduce(std::move(tensor), operation);
  }
  Pending broadcast(at::Tensor tensor, int root) override {
    return collectives_->broadcast(std::move(tensor), root);
  }
  Pending send(at::Tensor, int to, int) override { refuse("send to", to); }
  Pending receive(at::Tensor, int from, int) override { refuse("receive from", from); }

 private:
  [[noreturn]] void refuse(const char* operation, int peer) const {
    throw BugError("group {}: {} rank {}: messages between two ranks are not offered over NCCL", name_,
                   operation, peer);
  }

  std::shared_ptr<Backend> collectives_;
  std::string name_;
};

}  // namespace

std::shared_ptr<Backend> connect_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                      const NcclOptions& options) {
  const GroupPlace place{.name = options.name, .rank = options.rank, .size = options.size};
  try {
    auto nccl = c10d::ProcessGroupNCCL::Options::create();
    nccl->timeout = options.deadline;
    auto group = c10::make_intrusive<c10d::ProcessGroupNCCL>(
        c10::make_intrusive<c10d::PrefixStore>(options.name, store), options.rank, options.size, nccl);
    return std::make_shared<NcclBackend>(as_backend(std::move(group), place), options.name);
  } catch (const std::exception& error) {
    fail_to_connect(place, error);
  }
}

}  // namespace tandem::comm
