// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "stored_model.h"
#include "tandem/base/error.h"
#include "tandem/base/random.h"
#include "tandem/checkpoint/load_plan.h"
#include "tandem/checkpoint/reader.h"

namespace tandem::checkpoint {
namespace {

// Ranges of all tensors and roles, some of them not whole boxes.
std::vector<Wanted> some_wanted(const Manifest& manifest, uint64_t number) {
  std::vector<Wanted> wanted;
  for (size_t tensor = 0; tensor < manifest.tensors.size(); ++tensor)
    for (size_t role = 0; role < 3; ++role) {
      const CounterRandom random(5, "wanted", number, tensor, static_cast<int>(role));
      layout::Slice box = layout::whole(manifest.tensors[tensor].shape);
      for (size_t dim = 0; dim < box.extent.size(); ++dim) {
        const auto size = static_cast<uint64_t>(box.extent[dim]);
        box.offset[dim] = static_cast<int64_t>(random.below(dim, size));
        box.extent[dim] =
            1 + static_cast<int64_t>(random.below(10 + dim, size - static_cast<uint64_t>(box.offset[dim])));
      }
      const auto elements = static_cast<uint64_t>(box.num_elements());
      const auto begin = static_cast<int64_t>(random.below(20, elements));
      const auto rest = elements - static_cast<uint64_t>(begin);
      const int64_t count = static_cast<int64_t>(random.below(21, rest + 1));
      wanted.push_back(
          {.tensor = tensor, .role = role, .range = {.box = box, .begin = begin, .count = count}});
    }
  return wanted;
}

TEST(LoadPlan, EachWantedElementComesOnceFromBytesThatAreRead) {
  const ScratchFolder scratch;
  for (uint64_t number = 0; number < 30; ++number) {
    const StoredLayout layout = layout_number(number);
    const auto step = static_cast<int64_t>(number) + 1;
    const Manifest manifest =
        StepReader::open(save_model(scratch.path(), described_step(step, layout), layout)).manifest();
    const std::vector<Wanted> wanted = some_wanted(manifest, number);
    std::map<size_t, std::set<int64_t>> filled;
    for (const FilePlan& file : Planner(manifest).plan(wanted).files) {
      const std::set<int64_t> chunks(file.chunks.begin(), file.chunks.end());
      std::set<int64_t> used;
      for (const Transfer& transfer : file.transfers)
        for (int64_t element = 0; element < transfer.elements.num_elements(); ++element) {
          const int64_t target = transfer.target + transfer.elements.target_run(element).offset;
          EXPECT_TRUE(filled[transfer.wanted].insert(target).second) << "filled twice";
          used.insert(transfer.byte_of(element) / manifest.chunk_bytes);
        }
      EXPECT_EQ(used, chunks);
    }
    for (size_t i = 0; i < wanted.size(); ++i)
      EXPECT_EQ(static_cast<int64_t>(filled[i].size()), wanted[i].range.count);
  }
}

TEST(LoadPlan, AnUnchangedLayoutReadsEachOfItsChunksOnce) {
  const ScratchFolder scratch;
  const StoredLayout layout{.mesh = {.data = 2, .pipeline = 2, .tensor = 2}};
  const StepReader reader = StepReader::open(save_model(scratch.path(), described_step(1, layout), layout));
  const Manifest& manifest = reader.manifest();
  for (size_t file = 0; file < manifest.files.size(); ++file) {
    std::vector<Wanted> wanted;
    for (const StoredRange& stored : manifest.files[file].ranges)
      for (size_t role = 0; role < 3; ++role)
        wanted.push_back({.tensor = stored.tensor, .role = role, .range = stored.range});
    const LoadPlan plan = Planner(manifest).plan(wanted);
    ASSERT_EQ(plan.files.size(), 1u);
    EXPECT_EQ(plan.files[0].file, file);
    EXPECT_LE(plan.bytes_read(manifest), manifest.files[file].bytes);
  }
}

TEST(LoadPlan, WantingWhatIsNotInTheTensorIsABug) {
  const ScratchFolder scratch;
  const StepReader reader = StepReader::open(save_model(scratch.path(), described_step(1, {}), {}));
  const Wanted wanted{.range = layout::range_of({.offset = {36, 0}, .extent = {2, 6}})};
  EXPECT_THROW(Planner(reader.manifest()).plan(std::span(&wanted, 1)), BugError);
}

}  // namespace
}  // namespace tandem::checkpoint
