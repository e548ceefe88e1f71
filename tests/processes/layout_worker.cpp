// SPDX-License-Identifier: Apache-2.0
// One rank of `tandem launch --ranks N -- layout_worker DATA TENSOR PIPELINE`: trains five steps on that mesh
// with both kinds of positions in fp64 and fp32, computes the same on one rank by itself, and compares. Rank
// 0 prints the largest differences of each case. Exit code 1 where one is beyond its limit.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tandem/base/error.h"
#include "tandem/launch/environment.h"
#include "tandem/train/join.h"
#include "tests/support/layout_comparison.h"

using namespace tandem;

namespace {

constexpr int kSteps = 5;

struct Limits {
  double loss, gradient, parameter;
};

// Not "less than": NaN must not pass.
bool within(const testing::Differences& d, const Limits& limits) {
  return d.loss <= limits.loss && d.norm <= limits.gradient && d.gradient <= limits.gradient &&
         d.parameter <= limits.parameter && d.evaluation <= limits.loss && d.unequal_replica.empty() &&
         d.covers_model;
}

bool run_case(const comm::World& world, const parallel::ParallelConfig& parallel, model::Positions positions,
              train::Precision precision) {
  train::RunConfig config = testing::small_run(positions, precision);
  config.parallel = parallel;
  const std::string name =
      fmt::format("data {} x tensor {} x pipeline {}, {}, {}", parallel.data, parallel.tensor,
                  parallel.pipeline, positions == model::Positions::kRotary ? "rotary" : "relative bias",
                  precision == train::Precision::kFp64 ? "fp64" : "fp32");
  const Limits limits =
      precision == train::Precision::kFp64 ? Limits{1e-12, 1e-11, 1e-11} : Limits{1e-6, 2e-5, 1e-4};
  const testing::Reference reference = testing::run_reference(config, kSteps);
  const testing::Differences d = testing::compare_layout(config, world.within(name), reference);
  if (world.rank() == 0)
    fmt::print("{}: loss {:.1e}, norm {:.1e}, gradient {:.1e}, parameter {:.1e}, evaluation {:.1e}{}{}\n",
               name, d.loss, d.norm, d.gradient, d.parameter, d.evaluation,
               d.unequal_replica.empty() ? "" : ", copies differ: " + d.unequal_replica,
               d.covers_model ? "" : ", elements missing or owned twice");
  return within(d, limits);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw InputError("usage: layout_worker DATA TENSOR PIPELINE");
  parallel::ParallelConfig parallel;
  parallel.data = std::atoi(argv[1]);
  parallel.tensor = std::atoi(argv[2]);
  parallel.pipeline = std::atoi(argv[3]);
  const comm::World world = train::join({}, launch::read_rank_environment());
  bool equal = true;
  for (const auto positions : {model::Positions::kRotary, model::Positions::kRelativeBias})
    for (const auto precision : {train::Precision::kFp64, train::Precision::kFp32})
      equal = run_case(world, parallel, positions, precision) && equal;
  return equal ? 0 : 1;
} catch (const Error& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return error.exit_code();
}
