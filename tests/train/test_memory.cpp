// SPDX-License-Identifier: Apache-2.0
// What a rank really keeps from step to step, measured at the tensors' storages and at the allocator, against
// the formula of layout/memory.h.
#include <cmath>
#include <set>

#include <ATen/ATen.h>

#include "tandem/layout/memory.h"
#include "tandem/train/sharded_model.h"
#include "tests/support/counting_allocator.h"
#include "tests/support/layout_comparison.h"
#include "tests/support/run_ranks.h"

namespace tandem::train {
namespace {

struct Layout {
  int data = 1, tensor = 1, pipeline = 1;
  Precision precision = Precision::kFp32;
  bool sharded = true;

  int num_ranks() const { return data * tensor * pipeline; }
};

// Large enough that the padding of buckets and a kernel's scratch memory (128 KiB a thread) are below 2 %.
RunConfig config_of(const Layout& layout) {
  RunConfig config = testing::small_run(model::Positions::kRelativeBias, layout.precision);
  config.parallel.data = layout.data;
  config.parallel.tensor = layout.tensor;
  config.parallel.pipeline = layout.pipeline;
  config.parallel.sharded_optimizer = layout.sharded;
  config.model.hidden = 192;
  config.model.head_dim = 48;
  config.model.feed_forward = 512;
  config.model.vocabulary = 1001;
  return config;
}

layout::MemoryBytes formula(ShardedModel& model, const Layout& layout) {
  const parallel::StorageTypes& types = model.storage().types();
  return layout::rank_bytes(model.table(),
                            {.stage = model.coordinate().pipeline,
                             .tensor_ranks = layout.tensor,
                             .compute_bytes = static_cast<int64_t>(c10::elementSize(types.compute)),
                             .accumulation_bytes = static_cast<int64_t>(c10::elementSize(types.accumulation)),
                             .optimizer_ranks = layout.sharded ? layout.data : 1});
}

// Bytes of memory blocks, each counted once however many tensors are views of it.
class Storages {
 public:
  void add(const at::Tensor& tensor) {
    const c10::StorageImpl* storage = tensor.storage().unsafeGetStorageImpl();
    if (seen_.insert(storage).second) bytes_ += static_cast<int64_t>(storage->nbytes());
  }
  int64_t take() { return std::exchange(bytes_, 0); }

 private:
  std::set<const c10::StorageImpl*> seen_;
  int64_t bytes_ = 0;
};

layout::MemoryBytes measure(ShardedModel& model) {
  Storages storages;
  layout::MemoryBytes bytes;
  const auto& table = model.table();
  const auto each_tensor = [&](const auto& visit) {
    for (size_t i = 0; i < table.size(); ++i)
      if (table[i].is_on(model.coordinate().pipeline)) visit(i);
  };
  each_tensor([&](size_t i) { storages.add(model.storage().value(i)); });
  bytes.values = storages.take();
  each_tensor([&](size_t i) { storages.add(model.storage().gradient(i)); });
  bytes.gradients = storages.take();
  for (size_t bucket = 0; bucket < model.storage().buckets().size(); ++bucket)
    for (const auto state : {parallel::State::kMaster, parallel::State::kMoment1, parallel::State::kMoment2})
      storages.add(model.optimizer().shard(state, bucket));
  bytes.optimizer = storages.take();
  return bytes;
}

void expect_close(int64_t measured, int64_t expected, const std::string& what) {
  EXPECT_LE(std::abs(static_cast<double>(measured) / static_cast<double>(expected) - 1), 0.02)
      << what << ": measured " << measured << ", formula " << expected;
}

// Trains two steps on every rank and calls visit(model, live bytes of this rank).
template <typename Visit>
void after_two_steps(const Layout& layout, const Visit& visit) {
  static testing::CountingAllocator allocator;
  const RunConfig config = config_of(layout);
  std::vector<std::atomic<int64_t>> live(static_cast<size_t>(layout.num_ranks()));
  testing::run_ranks(layout.num_ranks(), [&](const comm::World& world) {
    std::atomic<int64_t>& own = live[static_cast<size_t>(world.rank())];
    testing::CountingAllocator::count_in(own);
    ShardedModel model(config, world);
    for (int64_t step = 0; step < 2; ++step)
      model.train_step(step, testing::micro_batches(config, step, model.coordinate().data), 1e-3);
    testing::CountingAllocator::stop_counting();
    // Until all are here, messages may still hold memory.
    model.groups().world.barrier();
    visit(model, own.load());
  });
}

class EveryLayoutsMemory : public ::testing::TestWithParam<Layout> {};

TEST_P(EveryLayoutsMemory, IsWhatTheTableSays) {
  after_two_steps(GetParam(), [&](ShardedModel& model, int64_t live) {
    const layout::MemoryBytes expected = formula(model, GetParam()), measured = measure(model);
    expect_close(measured.values, expected.values, "values");
    expect_close(measured.gradients, expected.gradients, "gradients");
    expect_close(measured.optimizer, expected.optimizer, "optimizer");
    // Nothing else stays: no second copy, no graph, no buffer.
    expect_close(live, expected.sum(), "all tensors of the rank");
  });
}

INSTANTIATE_TEST_SUITE_P(
    Training, EveryLayoutsMemory,
    ::testing::Values(Layout{}, Layout{.precision = Precision::kBf16}, Layout{.precision = Precision::kFp64},
                      Layout{.data = 4}, Layout{.data = 4, .precision = Precision::kBf16},
                      Layout{.data = 4, .sharded = false}, Layout{.tensor = 2}, Layout{.pipeline = 4},
                      Layout{.data = 2, .tensor = 2, .pipeline = 2, .precision = Precision::kBf16}),
    [](const auto& given) {
      const Layout& l = given.param;
      return fmt::format("dp{}_tp{}_pp{}_{}{}", l.data, l.tensor, l.pipeline,
                         l.precision == Precision::kBf16   ? "bf16"
                         : l.precision == Precision::kFp64 ? "fp64"
                                                           : "fp32",
                         l.sharded ? "" : "_replicated");
    });

TEST(Memory, ShardingOverFourDataRanksQuartersTheOptimizer) {
  std::array<std::atomic<int64_t>, 2> bytes{};
  for (const bool sharded : {false, true})
    after_two_steps({.data = 4, .sharded = sharded}, [&](ShardedModel& model, int64_t) {
      if (model.coordinate().data == 3) bytes[sharded ? 1 : 0] = measure(model).optimizer;
    });
  EXPECT_GT(bytes[1], 0);
  EXPECT_EQ(bytes[0], 4 * bytes[1]);
}

}  // namespace
}  // namespace tandem::train
