// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/writer.h"
#include "tandem/observe/host.h"

namespace tandem::checkpoint {
namespace {

constexpr int64_t kElements = int64_t{24} << 20, kMargin = int64_t{4} << 20;

int64_t peak_growth(const std::function<void()>& action) {
  std::ofstream("/proc/self/clear_refs") << 5 << std::flush;  // the peak counts from here on
  const int64_t before = observe::resident_bytes();
  action();
  return observe::peak_resident_bytes() - before;
}

TEST(LoadMemory, IsTheValuesAndOneChunkAThread) {
  const ScratchFolder scratch;
  const NewStep step{
      .folder = scratch.path(),
      .description = {.step = 1, .roles = {{.role = Role::kParameter, .type = DataType::kF32}}},
      .tensors = {{.name = "table", .shape = {kElements / 1024, 1024}}}};
  const ByteSource zeros(kElements * 4,
                         [](int64_t, std::span<std::byte> out) { std::ranges::fill(out, std::byte{0}); });
  OneRank alone;
  save_step(step,
            std::vector{Piece{
                .tensor = 0, .range = range_of(layout::whole(step.tensors[0].shape)), .values = {zeros}}},
            alone);
  std::vector<std::byte> values(kElements * 2, std::byte{1});
  const layout::BoxRange half{
      .box = layout::whole(step.tensors[0].shape), .begin = kElements / 4, .count = kElements / 2};
  for (const int threads : {1, 2}) {
    const int64_t growth = peak_growth([&] {
      const StepReader reader = StepReader::open(scratch.path());
      reader.read(std::vector{StepReader::Request{.tensor = "table", .range = half, .out = values}}, threads);
      EXPECT_LE(threads * reader.manifest().chunk_bytes, kMargin);
    });
    EXPECT_LE(growth, 2 * kMargin) << threads << " threads";
    EXPECT_EQ(std::ranges::count(values, std::byte{0}), std::ssize(values));
  }
  const int64_t seen = peak_growth([&] { std::vector<std::byte>(3 * kMargin, std::byte{1}).swap(values); });
  EXPECT_GT(seen, 2 * kMargin) << "this system does not tell the peak";
}

}  // namespace
}  // namespace tandem::checkpoint
