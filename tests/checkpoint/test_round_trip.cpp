// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "scratch_folder.h"
#include "stored_model.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/step_folders.h"
#include "thread_ranks.h"

namespace tandem::checkpoint {
namespace {

// Reads what a rank of `layout` holds, and each tensor rank's whole slice, and compares every byte.
void expect_readable(const StepReader& reader, const StoredLayout& layout, int rank) {
  const auto tensors = stored_tensors(layout.mesh.pipeline);
  for (const Piece& piece : state_of(layout, rank).pieces) {
    const layout::TensorSpec& spec = tensors[piece.tensor];
    std::vector<std::vector<std::byte>> read(3, std::vector<std::byte>(piece.range.count * 4));
    std::vector<StepReader::Request> requests;
    for (size_t role = 0; role < read.size(); ++role)
      requests.push_back(
          {.tensor = spec.name, .role = kAllRoles[role], .range = piece.range, .out = read[role]});
    reader.read(requests, 1 + rank % 3);
    for (size_t role = 0; role < read.size(); ++role)
      ASSERT_EQ(read[role], stored_values(piece.tensor, kAllRoles[role], spec.shape, piece.range))
          << spec.name << to_string(piece.range);
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int tensor_rank = layout::Mesh(layout.mesh).coordinate_of(rank).tensor;
    const layout::Slice slice = local_slice(tensors[i], tensor_rank, layout.mesh.tensor);
    std::vector<std::byte> read(static_cast<size_t>(slice.num_elements()) * 4);
    reader.read({.tensor = tensors[i].name, .role = Role::kMoment2, .slice = slice}, DataType::kF32, read);
    ASSERT_EQ(read, stored_values(i, Role::kMoment2, tensors[i].shape, slice)) << tensors[i].name;
  }
}

TEST(RoundTrip, AnyLayoutReadsWhatAnyOtherWrote) {
  constexpr uint64_t kWriters = 40, kReadersEach = 6;  // 240 pairs
  const ScratchFolder scratch;
  for (uint64_t writer = 0; writer < kWriters; ++writer) {
    const StoredLayout written = layout_number(writer);
    const auto step = static_cast<int64_t>(writer + 1);
    const auto folder = save_model(scratch.path(), described_step(step, written), written);
    for (uint64_t other = 0; other < kReadersEach; ++other) {
      const StoredLayout layout = layout_number(1000 + writer * kReadersEach + other);
      const StepReader reader = StepReader::open(folder);
      ASSERT_NO_THROW(reader.require(stored_tensors(layout.mesh.pipeline), kAllRoles));
      for (int rank = 0; rank < layout::Mesh(layout.mesh).size(); ++rank)
        expect_readable(reader, layout, rank);
      ASSERT_FALSE(HasFatalFailure()) << "writer " << writer << ", reader " << other;
    }
  }
}

TEST(RoundTrip, ReadersOfOneStepMayBeThreads) {
  const ScratchFolder scratch;
  const StoredLayout layout{.mesh = {.data = 2, .pipeline = 2, .tensor = 2}};
  const StepReader reader = StepReader::open(save_model(scratch.path(), described_step(5, layout), layout));
  const auto thrown = run_ranks(8, [&](ThreadRank& rank) { expect_readable(reader, layout, rank.rank()); });
  for (const auto& exception : thrown) EXPECT_EQ(message_of(exception), "");
}

TEST(RoundTrip, ManifestBringsBackTheDescription) {
  const ScratchFolder scratch;
  const StoredLayout layout{.mesh = {.data = 2, .pipeline = 1, .tensor = 2}};
  StepDescription description = described_step(100, layout);
  const auto folder = save_model(scratch / "run" / "checkpoints", description, layout);
  EXPECT_EQ(folder.filename(), "step_00000100");
  EXPECT_EQ(StepReader::open(folder).manifest().description, description);
  description.tokenizer.reset();
  description.step = 101;
  save_model(scratch / "run" / "checkpoints", description, layout);
  EXPECT_EQ(StepReader::open(scratch / "run").manifest().description, description);
}

TEST(RoundTrip, EqualStepsHaveEqualBytes) {
  const ScratchFolder scratch;
  const StoredLayout layout{.mesh = {.data = 3, .pipeline = 2, .tensor = 1}};
  const auto a = save_model(scratch / "a", described_step(7, layout), layout);
  const auto b = save_model(scratch / "b", described_step(7, layout), layout);
  ASSERT_EQ(names_in(a), names_in(b));
  for (const std::string& name : names_in(a)) {
    if (name == Manifest::kFileName) continue;
    EXPECT_EQ(bytes_of(a / name), bytes_of(b / name)) << name;
  }
  Manifest of_a = StepReader::open(a).manifest();
  of_a.saved_at = StepReader::open(b).manifest().saved_at;
  EXPECT_EQ(to_text(of_a), bytes_of(b / Manifest::kFileName));
}

TEST(RoundTrip, OnlyRunIdTellsRunsOfEqualStepsApart) {
  const ScratchFolder scratch;
  const StoredLayout layout{.mesh = {.data = 2, .pipeline = 1, .tensor = 1}};
  const StepDescription description = described_step(7, layout);
  StepDescription other = description;
  other.run_id = "fedcba9876543210fedcba9876543210";
  const auto a = save_model(scratch / "a", description, layout);
  const auto b = save_model(scratch / "b", other, layout);
  for (const std::string& name : names_in(a)) {
    if (name == Manifest::kFileName) continue;
    EXPECT_EQ(bytes_of(b / name), bytes_of(a / name)) << name;
  }
  Manifest of_b = StepReader::open(b).manifest();
  const Manifest of_a = StepReader::open(a).manifest();
  of_b.description.run_id = description.run_id;
  of_b.saved_at = of_a.saved_at;
  EXPECT_EQ(of_a, of_b);
}

TEST(RoundTrip, RanksWithoutPiecesWriteNoFile) {
  const ScratchFolder scratch;
  const StoredLayout layout{.mesh = {.data = 3, .pipeline = 1, .tensor = 1}, .shards_state = false};
  const auto folder = save_model(scratch.path(), described_step(1, layout), layout);
  EXPECT_EQ(names_in(folder),
            (std::vector<std::string>{"g00000002_w00000_p000.safetensors", "manifest.json"}));
}

TEST(RoundTrip, StoredNumbersAreReadInAnotherPrecision) {
  const ScratchFolder scratch;
  const std::vector<float> values{1.5f, -2.25f, 1e-30f, 3.0f, 0.1f, 7.0f};
  const std::vector<layout::TensorSpec> tensors{{.name = "w", .shape = {2, 3}}};
  const StoredLayout layout;
  StepDescription description = described_step(1, layout);
  description.roles = {{.role = Role::kParameter}};
  const Piece piece{.range = layout::range_of(layout::whole({2, 3})),
                    .values = {std::as_bytes(std::span(values))}};
  OneRank alone;
  const StepReader reader =
      StepReader::open(save_step({.folder = scratch.path(), .description = description, .tensors = tensors},
                                 std::span(&piece, 1), alone));
  std::vector<double> column(2);
  reader.read({.tensor = "w", .slice = {.offset = {0, 1}, .extent = {2, 1}}}, DataType::kF64,
              std::as_writable_bytes(std::span(column)));
  EXPECT_EQ(column, (std::vector<double>{-2.25, double{0.1f}}));
}

TEST(RoundTrip, TensorsLargerThanAChunk) {
  const ScratchFolder scratch;
  const layout::Shape shape{700, 1031};  // 2.9 MB: three chunks, no multiple of one
  const std::vector<layout::TensorSpec> tensors{{.name = "w", .shape = shape}};
  StepDescription description = described_step(1, {});
  description.roles = {{.role = Role::kParameter}};
  const std::vector<std::byte> values = stored_values(0, Role::kParameter, shape, layout::whole(shape));
  const Piece piece{.range = layout::range_of(layout::whole(shape)),
                    .values = {std::span<const std::byte>(values)}};
  OneRank alone;
  const StepReader reader =
      StepReader::open(save_step({.folder = scratch.path(), .description = description, .tensors = tensors},
                                 std::span(&piece, 1), alone));
  for (const layout::Slice& slice :
       {layout::whole(shape), layout::Slice{.offset = {1, 0}, .extent = {699, 1031}},
        layout::Slice{.offset = {3, 500}, .extent = {650, 531}}}) {
    std::vector<std::byte> read(static_cast<size_t>(slice.num_elements()) * 4);
    reader.read({.tensor = "w", .slice = slice}, DataType::kF32, read);
    EXPECT_TRUE(read == stored_values(0, Role::kParameter, shape, slice)) << to_string(slice);
    std::vector<double> wide(static_cast<size_t>(slice.num_elements()));
    reader.read({.tensor = "w", .slice = slice}, DataType::kF64, std::as_writable_bytes(std::span(wide)));
    std::vector<std::byte> widened(wide.size() * 8);
    convert(DataType::kF32, read, DataType::kF64, widened);
    EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(wide)), widened)) << to_string(slice);
  }
}

}  // namespace
}  // namespace tandem::checkpoint
