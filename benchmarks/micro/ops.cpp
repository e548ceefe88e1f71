// SPDX-License-Identifier: Apache-2.0
// Times the model's operations, forward and forward with backward, at the shapes of a 54 M parameter
// encoder-decoder (batch 8, source 512, target 114, hidden 512, 8 heads of 64, feed-forward 1024), beside
// plain ATen where it has the same operation. Processor time of all threads decides, so that a busy machine
// disturbs little:  OMP_NUM_THREADS=1 build/release/bench_ops
#include <functional>

#include <ATen/ATen.h>
#include <benchmark/benchmark.h>
#include <torch/csrc/autograd/autograd.h>

#include "tandem/base/allocator.h"
#include "tandem/model/attention_core.h"
#include "tandem/model/dropout.h"
#include "tandem/model/gated_gelu.h"
#include "tandem/model/linear.h"
#include "tandem/model/norm.h"
#include "tandem/model/rotary.h"

namespace tandem::model {
namespace {

using Operation = std::function<at::Tensor()>;
enum class Pass { kForward, kBoth };

at::Tensor leaf(at::IntArrayRef sizes, at::ScalarType type) {
  return at::randn(sizes).to(type).requires_grad_(true);
}

Parameter parameter(at::IntArrayRef sizes, at::ScalarType type) {
  Parameter made;
  made.value = leaf(sizes, type);
  made.gradient = at::zeros(sizes, at::kFloat);
  return made;
}

struct Amount {
  double flops = 0;  // forward; backward counts twice
  double bytes = 0;  // read and written once, forward; backward counts twice
};

void run(benchmark::State& state, Pass pass, const Operation& operation, Amount amount) {
  at::GradMode::set_enabled(pass == Pass::kBoth);
  const at::Tensor output = operation();
  const at::Tensor gradient = at::randn(output.sizes()).to(output.scalar_type());
  for (auto _ : state) {
    const at::Tensor out = operation();
    if (pass == Pass::kBoth) torch::autograd::backward({out}, {gradient});
    benchmark::DoNotOptimize(out.const_data_ptr());
  }
  at::GradMode::set_enabled(true);
  const double times = pass == Pass::kBoth ? 3 : 1;
  using benchmark::Counter;
  if (amount.flops > 0)
    state.counters["flop/s"] = Counter(amount.flops * times, Counter::kIsIterationInvariantRate);
  if (amount.bytes > 0)
    state.counters["B/s"] = Counter(amount.bytes * times, Counter::kIsIterationInvariantRate);
}

using Make = std::function<std::pair<Operation, Amount>(at::ScalarType)>;

void add(const std::string& name, const Make& make) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16})
    for (const Pass pass : {Pass::kForward, Pass::kBoth}) {
      const std::string full = name + (type == at::kFloat ? "/fp32" : "/bf16") +
                               (pass == Pass::kForward ? "/forward" : "/forward+backward");
      benchmark::RegisterBenchmark(full.c_str(),
                                   [=](benchmark::State& state) {
                                     at::manual_seed(1);
                                     const auto [operation, amount] = make(type);
                                     run(state, pass, operation, amount);
                                   })
          ->Unit(benchmark::kMillisecond)
          ->MeasureProcessCPUTime()
          ->MinTime(0.3);
    }
}

double bytes(at::ScalarType type, double elements) {
  return elements * static_cast<double>(elementSize(type));
}

void add_linear(const std::string& name, int64_t rows, int64_t in, int64_t out) {
  add("linear " + name, [=](at::ScalarType type) -> std::pair<Operation, Amount> {
    auto weight = std::make_shared<Parameter>(parameter({out, in}, type));
    const at::Tensor x = leaf({rows, in}, type);
    return {[=] { return linear(x, *weight); }, {.flops = 2.0 * static_cast<double>(rows * in * out)}};
  });
  add("linear by ATen " + name, [=](at::ScalarType type) -> std::pair<Operation, Amount> {
    const at::Tensor weight = leaf({out, in}, type), x = leaf({rows, in}, type);
    return {[=] { return at::linear(x, weight); }, {.flops = 2.0 * static_cast<double>(rows * in * out)}};
  });
}

struct AttentionSizes {
  int64_t queries, keys;
  Causality causality = Causality::kNone;
};

void add_attention(const std::string& name, AttentionSizes sizes) {
  constexpr int64_t kBatch = 8, kHeads = 8, kWidth = 64;
  const Amount amount{.flops =
                          4.0 * static_cast<double>(kBatch * kHeads * sizes.queries * sizes.keys * kWidth)};
  const auto vectors = [](int64_t length, at::ScalarType type) {
    return leaf({kBatch, length, kHeads, kWidth}, type);
  };
  for (const bool biased : {false, true}) {
    const auto bias = [=](at::ScalarType type) {
      return biased ? leaf({kHeads, sizes.queries, sizes.keys}, type) : at::Tensor();
    };
    add("attention " + name + (biased ? " bias" : ""),
        [=](at::ScalarType type) -> std::pair<Operation, Amount> {
          const at::Tensor q = vectors(sizes.queries, type), k = vectors(sizes.keys, type),
                           v = vectors(sizes.keys, type), added = bias(at::kFloat);
          return {[=] { return attention(q, k, v, 0.125, {.causality = sizes.causality}, added); }, amount};
        });
    if (biased && sizes.causality == Causality::kCausal) continue;  // ATen takes one or the other
    add("scaled_dot_product_attention " + name + (biased ? " bias" : ""),
        [=](at::ScalarType type) -> std::pair<Operation, Amount> {
          const at::Tensor q = vectors(sizes.queries, type), k = vectors(sizes.keys, type),
                           v = vectors(sizes.keys, type), added = bias(type);
          return {[=] {
                    return at::scaled_dot_product_attention(
                        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2),
                        biased ? std::make_optional(added.unsqueeze(0)) : std::nullopt, 0.0,
                        sizes.causality == Causality::kCausal, 0.125);
                  },
                  amount};
        });
  }
}

void add_rows() {
  constexpr int64_t kRows = 4096, kHidden = 512, kInner = 1024;
  constexpr double kElements = kRows * kHidden;
  add("rms_norm", [](at::ScalarType type) -> std::pair<Operation, Amount> {
    auto scale = std::make_shared<Parameter>(parameter({kHidden}, type));
    const at::Tensor x = leaf({kRows, kHidden}, type);
    return {[=] { return rms_norm(x, *scale, 1e-6); }, {.bytes = bytes(type, 2 * kElements)}};
  });
  add("rms_norm by ATen", [](at::ScalarType type) -> std::pair<Operation, Amount> {
    const at::Tensor scale = leaf({kHidden}, type), x = leaf({kRows, kHidden}, type);
    return {[=] { return at::rms_norm(x, {kHidden}, scale, 1e-6); }, {.bytes = bytes(type, 2 * kElements)}};
  });
  add("gated_gelu", [](at::ScalarType type) -> std::pair<Operation, Amount> {
    const at::Tensor x = leaf({kRows, 2 * kInner}, type);
    return {[=] { return gated_gelu(x); }, {.bytes = bytes(type, 3.0 * kRows * kInner)}};
  });
  add("gated_gelu by ATen", [](at::ScalarType type) -> std::pair<Operation, Amount> {
    const at::Tensor x = leaf({kRows, 2 * kInner}, type);
    return {[=] {
              const auto halves = x.chunk(2, -1);
              return at::gelu(halves[0], "tanh") * halves[1];
            },
            {.bytes = bytes(type, 3.0 * kRows * kInner)}};
  });
  add("rotate", [](at::ScalarType type) -> std::pair<Operation, Amount> {
    const at::Tensor x = leaf({8, 512, 8, 64}, type), positions = at::arange(512);
    return {[=] { return rotate(x, 10000, positions); }, {.bytes = bytes(type, 2 * kElements)}};
  });
  add("add_dropped", [](at::ScalarType type) -> std::pair<Operation, Amount> {
    const DropoutPlace place{
        .probability = 0.1, .random = CounterRandom(1), .rows = at::arange(8), .full_width = 512};
    const at::Tensor x = leaf({8, 512, 512}, type), residual = leaf({8, 512, 512}, type);
    return {[=] { return add_dropped(residual, x, place); }, {.bytes = bytes(type, 3 * kElements)}};
  });
  add("add and dropout by ATen", [](at::ScalarType type) -> std::pair<Operation, Amount> {
    const at::Tensor x = leaf({8, 512, 512}, type), residual = leaf({8, 512, 512}, type);
    return {[=] { return residual + at::dropout(x, 0.1, true); }, {.bytes = bytes(type, 3 * kElements)}};
  });
}

}  // namespace
}  // namespace tandem::model

int main(int argc, char** argv) {
  using namespace tandem::model;
  tandem::tune_allocator();
  add_linear("4096x512x1536", 4096, 512, 1536);
  add_linear("4096x512x512", 4096, 512, 512);
  add_linear("4096x512x2048", 4096, 512, 2048);
  add_linear("4096x1024x512", 4096, 1024, 512);
  add_linear("912x512x32128", 912, 512, 32128);
  add_attention("512x512", {512, 512});
  add_attention("114x512", {114, 512});
  add_attention("114x114 causal", {114, 114, Causality::kCausal});
  add_rows();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
