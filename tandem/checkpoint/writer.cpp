// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/writer.h"

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/step_files.h"
#include "tandem/checkpoint/step_manifest.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

int64_t bytes_of(const NewStep& step) {
  int64_t elements = 0;
  for (const layout::TensorSpec& spec : step.tensors) elements += layout::num_elements(spec.shape);
  return elements * element_bytes(step.description);
}

// What only some ranks do: rank 0, or one a node.
void on_keepers(Agreement& agreement, Keeper keeper, const std::function<void()>& action) {
  if (keeper == Keeper::kFirstRank)
    on_first_rank(agreement, [&] { return action(), std::string(); });
  else
    on_every_rank(agreement, [&] {
      if (keeper == Keeper::kThisRank) action();
    });
}

bool keeps(Keeper keeper, const Agreement& agreement) {
  return keeper == Keeper::kThisRank || (keeper == Keeper::kFirstRank && agreement.rank() == 0);
}

}  // namespace

StepWriter::StepWriter(const NewStep& step)
    : step_(step),
      chunk_bytes_(step.chunk_bytes.value_or(usual_chunk_bytes(bytes_of(step)))),
      place_(step.folder, {.step = step.description.step, .generation = step.description.generation}) {}

RankReport StepWriter::write(std::span<const Piece> pieces, int rank) const {
  RankReport report{.run_id = step_.description.run_id, .step = step_.description.step};
  report.failure = attempt([&] { report.file = write_file(pieces, rank); });
  return report;
}

std::optional<StoredFile> StepWriter::write_file(std::span<const Piece> pieces, int rank) const {
  const StepDescription& description = step_.description;
  StoredFile file{.name = shard_file_name({.generation = description.generation, .rank = rank}),
                  .chunk_sums = {},
                  .ranges = {}};
  for (const Piece& piece : pieces)
    if (piece.range.count > 0)
      file.ranges.push_back({.tensor = piece.tensor, .range = piece.range, .first = file.num_elements()});
  if (file.ranges.empty()) return std::nullopt;
  WrittenShard shard =
      write_shard(place_.folder() / file.name,
                  {.step = description.step, .generation = description.generation, .writer = rank},
                  entries_of(pieces), chunk_bytes_);
  sync_folder(place_.folder());
  file.bytes = shard.file_bytes;
  file.data_begin = shard.data_begin;
  file.chunk_sums = std::move(shard.chunk_sums);
  return file;
}

std::vector<NewEntry> StepWriter::entries_of(std::span<const Piece> pieces) const {
  const std::vector<StoredRole>& roles = step_.description.roles;
  std::vector<NewEntry> entries;
  for (size_t role = 0; role < roles.size(); ++role) {
    std::map<size_t, int64_t> numbers;
    for (const Piece& piece : pieces)
      if (piece.range.count > 0)
        entries.push_back({.name = entry_name(roles[role].role, step_.tensors.at(piece.tensor).name,
                                              numbers[piece.tensor]++),
                           .type = roles[role].type,
                           .shape = entry_shape(piece.range),
                           .bytes = piece.values.at(role)});
  }
  return entries;
}

std::string StepWriter::manifest_text(const std::vector<RankReport>& reports) const {
  for (size_t rank = 0; rank < reports.size(); ++rank)
    if (const std::optional<Failure>& failed = reports[rank].failure)
      raise({.kind = failed->kind,
             .message = fmt::format("step {} is not saved, rank {}: {}", step_.description.step, rank,
                                    failed->message)});
  Manifest manifest = manifest_of(step_.description, step_.tensors, reports);
  manifest.chunk_bytes = chunk_bytes_;
  std::string text = to_text(manifest);
  // As strict as at load, coverage included: what nobody could read is not published.
  const std::optional<Failure> flaw = attempt([&] { parse_manifest(text, Manifest::kFileName); });
  TANDEM_CHECK(!flaw, "{}", flaw->message);
  return text;
}

void StepWriter::commit(const std::vector<RankReport>& reports) const {
  const auto failure = attempt([&] { publish(manifest_text(reports)); });
  if (!failure) return;
  discard();
  raise(*failure);
}

fs::path save_step(const NewStep& step, std::span<const Piece> pieces, Agreement& agreement) {
  const StepWriter writer(step);
  const auto failure = attempt([&] {
    on_keepers(agreement, step.keeper, [&] { writer.prepare(); });
    const std::vector<std::string> messages =
        agreement.gather(to_message(writer.write(pieces, agreement.rank())));
    const auto manifest = [&] {
      std::vector<RankReport> reports;
      for (const std::string& message : messages) reports.push_back(report_of(message));
      return writer.manifest_text(reports);
    };
    if (step.keeper == Keeper::kFirstRank) {
      on_keepers(agreement, step.keeper, [&] { writer.publish(manifest()); });
    } else {
      const std::string text = on_first_rank(agreement, manifest);
      on_keepers(agreement, step.keeper, [&] { writer.publish(text); });
    }
  });
  if (!failure) return writer.step_folder();
  if (keeps(step.keeper, agreement)) writer.discard();
  raise(*failure);
}

}  // namespace tandem::checkpoint
