// SPDX-License-Identifier: Apache-2.0
// NCCL against what the CPU computes. Every rank is a thread with a GPU of its own.
#include <exception>
#include <thread>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <gmock/gmock.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "tandem/base/error.h"
#include "tandem/comm/nccl_group.h"
#ifdef USE_C10D_NCCL
#include <c10/cuda/CUDAFunctions.h>
#endif

namespace tandem::comm {
namespace {

#ifdef USE_C10D_NCCL

at::Device gpu(int rank) { return {at::kCUDA, static_cast<at::DeviceIndex>(rank)}; }

// Runs `body` as that many ranks; a rank's exception is thrown again.
template <typename Body>
void run_ranks(int size, const Body& body) {
  auto store = c10::make_intrusive<c10d::HashStore>();
  std::vector<std::exception_ptr> errors(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const c10::DeviceGuard guard(gpu(rank));
        body(*connect_nccl(
                 store, {.name = "gpus", .rank = rank, .size = size, .deadline = std::chrono::seconds(60)}),
             rank);
      } catch (...) {
        errors[static_cast<size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

class Nccl : public ::testing::Test {
 protected:
  void SetUp() override {
    gpus_ = c10::cuda::device_count();
    if (gpus_ == 0) GTEST_SKIP() << "no GPU found";
  }
  int gpus_ = 0;
};

// On one GPU all-reduce and broadcast are the identity: a comparison with the CPU would say nothing.
class NcclOfSeveral : public Nccl {
 protected:
  void SetUp() override {
    Nccl::SetUp();
    if (gpus_ == 1) GTEST_SKIP() << "one GPU found: its all-reduce and broadcast are the identity";
  }
};

TEST_F(NcclOfSeveral, AllReduceOnGpusGivesTheSumAndMaximumOfTheCpu) {
  run_ranks(gpus_, [this](Backend& group, int rank) {
    for (const auto type : {at::kFloat, at::kBFloat16, at::kLong}) {
      const at::Tensor cpu = at::full({1000}, rank + 1, type);
      at::Tensor sum = cpu.to(gpu(rank)), max = sum.clone();
      group.all_reduce(sum, Reduce::kSum).wait();
      group.all_reduce(max, Reduce::kMax).wait();
      EXPECT_TRUE(sum.cpu().equal(at::full({1000}, gpus_ * (gpus_ + 1) / 2, type)));
      EXPECT_TRUE(max.cpu().equal(at::full({1000}, gpus_, type)));
    }
  });
}

TEST_F(NcclOfSeveral, BroadcastGivesAllGpusTheRootsTensor) {
  run_ranks(gpus_, [this](Backend& group, int rank) {
    at::Tensor x = at::full({3}, rank + 1).to(gpu(rank));
    group.broadcast(x, gpus_ - 1).wait();
    EXPECT_TRUE(x.cpu().equal(at::full({3}, gpus_)));
  });
}

TEST_F(Nccl, MessagesBetweenTwoRanksAreRefused) {
  run_ranks(1, [](Backend& group, int rank) {
    const at::Tensor x = at::zeros({1}).to(gpu(rank));
    EXPECT_THROW(group.send(x, 1, 0), BugError);
    EXPECT_THROW(group.receive(x, 1, 0), BugError);
  });
}

#else

TEST(Nccl, BuildWithoutCudaSaysSo) {
  try {
    connect_nccl(c10::make_intrusive<c10d::HashStore>(), {.name = "gpus"});
    FAIL() << "no error";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("group gpus: this build has no CUDA"));
  }
}

TEST(Nccl, AgreesWithTheCpu) { GTEST_SKIP() << "this build has no CUDA (TANDEM_CUDA=OFF)"; }

#endif

}  // namespace
}  // namespace tandem::comm
