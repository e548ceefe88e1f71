// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tandem/base/fields.h"
#include "tandem/base/random.h"
#include "tandem/checkpoint/difference.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/reshard.h"
#include "tandem/checkpoint/verify.h"
#include "tandem/checkpoint/writer.h"
#include "tandem/train/run_layout.h"
#include "tests/checkpoint/scratch_folder.h"

namespace tandem::train {
namespace {

using checkpoint::Role;
using checkpoint::ScratchFolder;
using checkpoint::StepReader;
using schedule::Placement;

constexpr Role kRoles[] = {Role::kParameter, Role::kMoment1, Role::kMoment2};

RunConfig some_model(uint64_t number) {
  const CounterRandom random(31, "model", number);
  const auto between = [&](uint64_t draw, int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random.below(draw, static_cast<uint64_t>(high - low + 1)));
  };
  RunConfig config;
  config.model.encoder_layers = between(0, 4, 7);
  config.model.decoder_layers = between(1, 4, 7);
  config.model.hidden = between(2, 3, 9);
  config.model.heads = 4;
  config.model.head_dim = between(3, 1, 3);
  config.model.feed_forward = 4 * between(4, 1, 4);
  config.model.vocabulary = between(5, 13, 41);  // seldom a multiple of the tensor ranks
  config.model.positions =
      random.below(6, 2) == 0 ? model::Positions::kRotary : model::Positions::kRelativeBias;
  config.model.tied_head = random.below(7, 2) == 0;
  config.model.relative_buckets = 8;
  config.data.source_length = 16;
  config.data.target_length = 8;
  return config;
}

LayoutChange some_layout(uint64_t number, const std::string& which) {
  const CounterRandom random(32, "layout", number, which);
  const int64_t sizes[] = {1, 2, 4};
  return {.data = 1 + static_cast<int64_t>(random.below(0, 5)),
          .tensor = sizes[random.below(1, 3)],
          .pipeline = 1 + static_cast<int64_t>(random.below(2, 4)),
          .placement =
              std::array{Placement::kSequential, Placement::kFolded, Placement::kPaired}[random.below(3, 3)]};
}

// Four bytes an element, which depend on role, tensor and place alone.
std::vector<std::byte> values_of(size_t tensor, Role role, const layout::Shape& shape,
                                 const layout::BoxRange& range) {
  std::vector<std::byte> bytes;
  const CounterRandom random(33, "value", tensor, static_cast<int>(role));
  for (const auto& [box, offset] : layout::boxes_of(range))
    for (int64_t i = 0; i < box.num_elements(); ++i) {
      int64_t rest = i, flat = 0, stride = 1;
      for (size_t dim = shape.size(); dim-- > 0;) {
        flat += (box.offset[dim] + rest % box.extent[dim]) * stride;
        rest /= box.extent[dim];
        stride *= shape[dim];
      }
      const uint32_t word = random.words(static_cast<uint64_t>(flat))[0];
      const auto* first = reinterpret_cast<const std::byte*>(&word);
      bytes.insert(bytes.end(), first, first + sizeof word);
    }
  return bytes;
}

std::filesystem::path save(const std::filesystem::path& folder, const layout::StateLayout& layout,
                           const RunConfig& config) {
  checkpoint::NewStep step{
      .folder = folder,
      .description = {.run_id = std::string(32, 'a'),
                      .step = 3,
                      .code_version = "test",
                      .config = {{"model", nlohmann::json(config_to_json(config.model))}},
                      .roles = {{Role::kParameter}, {Role::kMoment1}, {Role::kMoment2}}},
      .tensors = layout.table,
      .chunk_bytes = 128};
  step.description.mesh = layout.mesh.extent();
  const checkpoint::StepWriter writer(step);
  writer.prepare();
  std::vector<checkpoint::RankReport> reports;
  for (int rank = 0; rank < layout.mesh.size(); ++rank) {
    std::vector<std::vector<std::byte>> buffers;
    std::vector<checkpoint::Piece> pieces;
    const auto parts = layout::written_parts(layout, layout.mesh.coordinate_of(rank));
    buffers.reserve(parts.size() * 3);
    for (const layout::StatePart& part : parts) {
      checkpoint::Piece& piece =
          pieces.emplace_back(checkpoint::Piece{.tensor = part.tensor, .range = part.range, .values = {}});
      for (const Role role : kRoles) {
        buffers.push_back(values_of(part.tensor, role, layout.table[part.tensor].shape, part.range));
        piece.values.emplace_back(std::span<const std::byte>(buffers.back()));
      }
    }
    reports.push_back(writer.write(pieces, rank));
  }
  writer.commit(reports);
  return writer.step_folder();
}

// Reads, as the rank at each place of a layout would, all that it holds.
void expect_loads(const StepReader& step, const layout::StateLayout& layout) {
  for (int rank = 0; rank < layout.mesh.size(); ++rank) {
    const auto parts = layout::held_parts(layout, layout.mesh.coordinate_of(rank));
    std::vector<std::vector<std::byte>> buffers;
    std::vector<StepReader::Request> requests;
    buffers.reserve(parts.size() * 3);
    for (const layout::StatePart& part : parts)
      for (const Role role : kRoles) {
        buffers.emplace_back(static_cast<size_t>(part.range.count) * 4);
        requests.push_back({.tensor = layout.table[part.tensor].name,
                            .role = role,
                            .range = part.range,
                            .out = buffers.back()});
      }
    step.read(requests);
    for (size_t i = 0; i < parts.size(); ++i)
      for (size_t role = 0; role < 3; ++role)
        ASSERT_EQ(buffers[i * 3 + role], values_of(parts[i].tensor, kRoles[role],
                                                   layout.table[parts[i].tensor].shape, parts[i].range))
            << layout.table[parts[i].tensor].name << " of rank " << rank;
  }
}

TEST(AnyToAny, TwoHundredPairsOfLayoutsBringBackEveryByte) {
  const ScratchFolder scratch;
  for (uint64_t number = 0; number < 200; ++number) {
    const RunConfig config = some_model(number);
    const auto from = state_layout(config, some_layout(number, "from"), "from");
    const auto to = state_layout(config, some_layout(number, "to"), "to");
    const auto folder = scratch / std::to_string(number);
    const StepReader step = StepReader::open(save(folder, from, config));
    expect_loads(step, to);
    ASSERT_FALSE(HasFatalFailure()) << "pair " << number;
    std::filesystem::remove_all(folder);
  }
}

TEST(AnyToAny, AReshardedStepIsWhatItsRanksWouldHaveSaved) {
  const ScratchFolder scratch;
  for (uint64_t number = 1000; number < 1010; ++number) {
    const RunConfig config = some_model(number);
    const auto from = state_layout(config, some_layout(number, "from"), "from");
    const auto to = state_layout(config, some_layout(number, "to"), "to");
    const std::string name = std::to_string(number);
    const StepReader step = StepReader::open(save(scratch / (name + "_from"), from, config));
    const StepReader made = StepReader::open(checkpoint::reshard(step, to, scratch / (name + "_made"), 2));
    const StepReader direct = StepReader::open(save(scratch / (name + "_direct"), to, config));
    EXPECT_TRUE(checkpoint::compare(step, made, 2).is_equal());
    EXPECT_TRUE(checkpoint::verify(made, 2).damages.empty());
    ASSERT_EQ(made.manifest().files.size(), direct.manifest().files.size());
    for (size_t file = 0; file < made.manifest().files.size(); ++file)
      EXPECT_EQ(checkpoint::bytes_of(made.folder() / made.manifest().files[file].name),
                checkpoint::bytes_of(direct.folder() / direct.manifest().files[file].name));
    EXPECT_EQ(made.manifest().description, direct.manifest().description);
  }
}

TEST(AnyToAny, FiguresCountWhatIsReallyRead) {
  const ScratchFolder scratch;
  const RunConfig config = some_model(7);
  const LayoutChange from{.data = 4, .tensor = 2, .pipeline = 2}, to{.data = 2, .tensor = 1, .pipeline = 1};
  const auto layout = state_layout(config, from, "from");
  const StepReader step = StepReader::open(save(scratch.path(), layout, config));
  const auto figures = checkpoint::plan_reshard(step.manifest(), state_layout(config, to, "to"));
  EXPECT_EQ(figures.ranks, 2);
  int64_t state = 0;
  for (const layout::TensorSpec& spec : layout.table) state += layout::num_elements(spec.shape) * 12;
  EXPECT_EQ(figures.wanted_bytes.mean * 2, static_cast<double>(state));
  EXPECT_GE(figures.read_bytes.mean, figures.wanted_bytes.mean);
  EXPECT_LE(figures.read_bytes.most, figures.stored_bytes);
  // On paper as with real files, but for their headers.
  const auto imagined = checkpoint::imagined_manifest(layout, step.manifest().description);
  const auto on_paper = checkpoint::plan_reshard(imagined, state_layout(config, to, "to"));
  EXPECT_EQ(on_paper.wanted_bytes.most, figures.wanted_bytes.most);
  EXPECT_EQ(on_paper.files_touched.most, figures.files_touched.most);
  EXPECT_EQ(on_paper.transfers.most, figures.transfers.most);
}

TEST(AnyToAny, ComparisonNamesWhatDiffers) {
  const ScratchFolder scratch;
  const RunConfig config = some_model(3);
  RunConfig other = config;
  other.model.vocabulary += 1;
  other.model.tied_head = false;
  const StepReader a = StepReader::open(save(scratch / "a", state_layout(config), config));
  const StepReader b = StepReader::open(save(scratch / "b", state_layout(other), other));
  const auto difference = checkpoint::compare(a, b, 2);
  EXPECT_FALSE(difference.is_equal());
  const auto embedding =
      std::ranges::find(difference.tensors, "embedding", &checkpoint::TensorDifference::name);
  EXPECT_THAT(embedding->problem, testing::HasSubstr("in the first, ["));
  EXPECT_TRUE(checkpoint::compare(a, a, 3).is_equal());
}

}  // namespace
}  // namespace tandem::train
