// SPDX-License-Identifier: Apache-2.0
#include "dated_steps.h"

#include <cstring>
#include <map>

#include "recorder.h"
#include "scratch_folder.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/step_folders.h"
#include "thread_ranks.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

constexpr int kRanks = 4;
const StoredLayout kLayout{.mesh = {.data = kRanks, .pipeline = 1, .tensor = 1}, .bucket_elements = 1024};

void date(std::span<std::byte> bytes, int64_t step) {
  for (std::byte& byte : bytes) byte ^= static_cast<std::byte>(step * 37);
}

// What the model is at step 0, by rank.
const StoredState& undated_state(int rank) {
  static const std::vector<StoredState> states = [] {
    std::vector<StoredState> all;
    for (int one = 0; one < kRanks; ++one) all.push_back(state_of(kLayout, one));
    return all;
  }();
  return states.at(static_cast<size_t>(rank));
}

// The rank's pieces with the values of a step, which `buffers` holds.
std::vector<Piece> dated_pieces(int rank, int64_t step, std::deque<std::vector<std::byte>>& buffers) {
  const StoredState& state = undated_state(rank);
  std::vector<Piece> pieces = state.pieces;
  buffers = state.buffers;
  auto buffer = buffers.begin();
  for (Piece& piece : pieces)
    for (ByteSource& values : piece.values) {
      date(*buffer, step);
      values = std::span<const std::byte>(*buffer++);
    }
  return pieces;
}

// All values of a tensor at step 0.
const std::vector<std::byte>& undated_values(size_t tensor, Role role) {
  static const auto all = [] {
    std::map<std::pair<size_t, Role>, std::vector<std::byte>> values;
    const std::vector<layout::TensorSpec> tensors = stored_tensors(1);
    for (size_t i = 0; i < tensors.size(); ++i)
      for (const Role one : kAllRoles)
        values[{i, one}] = stored_values(i, one, tensors[i].shape, layout::whole(tensors[i].shape));
    return values;
  }();
  return all.at({tensor, role});
}

bool is_whole_manifest(const fs::path& path) {
  return fs::exists(path) && !attempt([&] { parse_manifest(read_text(path, 1 << 26), "manifest"); });
}

// A manifest goes first and comes last: where there is one, hidden or not, all that it lists is there. And a
// step that can be seen has one.
std::string flaw_of_manifests(const fs::path& folder, bool has_damaged) {
  if (!fs::exists(folder)) return "";
  for (const std::string& name : names_in(folder)) {
    if (name.starts_with("step_") && !has_damaged && !is_whole_manifest(folder / name / Manifest::kFileName))
      return name + " is seen without its manifest";
    if (name.starts_with("void_") || !is_whole_manifest(folder / name / Manifest::kFileName)) continue;
    std::string flaw;
    const auto failure = attempt([&] { flaw = flaw_of_values(StepReader::open_step(folder / name)); });
    if (failure) flaw = failure->message;
    if (!flaw.empty()) return name + " has a manifest, but: " + flaw;
  }
  return "";
}

std::string flaw_after_another_save(const fs::path& folder, int64_t step) {
  const auto failure = attempt([&] { save_dated(folder, step, 3); });
  if (failure) return "the next save failed: " + failure->message;
  const StepReader reader = StepReader::open(folder);
  if (reader.manifest().description.step != step) return "the next step is not the newest";
  for (const std::string& name : names_in(folder))
    if (name.starts_with('.') || name.ends_with(".tmp")) return name + " was left";
  return flaw_of_values(reader);
}

}  // namespace

std::vector<std::exception_ptr> try_to_save(const fs::path& folder, int64_t step, int64_t generation) {
  StepDescription description = described_step(step, kLayout);
  description.generation = generation;
  return run_ranks(kRanks, [&](ThreadRank& rank) {
    set_client(rank.rank());
    std::deque<std::vector<std::byte>> buffers;
    const std::vector<Piece> pieces = dated_pieces(rank.rank(), step, buffers);
    save_step({.folder = folder,
               .description = description,
               .tensors = stored_tensors(1),
               .chunk_bytes = kLayout.chunk_bytes},
              pieces, rank);
  });
}

void save_dated(const fs::path& folder, int64_t step, int64_t generation) {
  const auto thrown = try_to_save(folder, step, generation);
  if (thrown[0]) std::rethrow_exception(thrown[0]);
}

std::string flaw_of_values(const StepReader& reader) {
  const int64_t step = reader.manifest().description.step;
  const std::vector<layout::TensorSpec> tensors = stored_tensors(1);
  reader.require(tensors, kAllRoles);
  for (size_t i = 0; i < tensors.size(); ++i)
    for (const Role role : kAllRoles) {
      std::vector<std::byte> expected = undated_values(i, role);
      date(expected, step);
      std::vector<std::byte> found(expected.size());
      reader.read({.tensor = tensors[i].name, .role = role, .slice = layout::whole(tensors[i].shape)},
                  DataType::kF32, found);
      if (found != expected)
        return fmt::format("step {}: {} of {} has other values", step, name_of(role), tensors[i].name);
    }
  return "";
}

std::string flaw_of_steps(const fs::path& folder, const ExpectedSteps& expected) {
  int64_t found = 0;
  std::string flaw;
  const auto failure = attempt([&] {
    if (find_steps(folder).empty()) {
      flaw = expected.may_be_none ? "" : "no step is found";
      return;
    }
    const StepReader newest = StepReader::open(folder);
    found = newest.manifest().description.step;
    if (!expected.newest.contains(found))
      flaw = fmt::format("step {} is the newest", found);
    else if (!newest.passed_over().empty() && !expected.has_damaged)
      flaw = "passed over: " + newest.passed_over().front();
    else
      flaw = flaw_of_values(newest);
  });
  if (failure) return failure->message;
  if (flaw.empty()) flaw = flaw_of_manifests(folder, expected.has_damaged);
  return flaw.empty() ? flaw_after_another_save(folder, found + 1) : flaw;
}

}  // namespace tandem::checkpoint
