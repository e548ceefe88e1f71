// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/writer.h"

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/step_files.h"
#include "tandem/checkpoint/step_folders.h"
#include "tandem/checkpoint/step_manifest.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

int64_t bytes_of(const NewStep& step) {
  int64_t elements = 0;
  for (const layout::TensorSpec& spec : step.tensors) elements += layout::num_elements(spec.shape);
  return elements * element_bytes(step.description);
}

}  // namespace

StepWriter::StepWriter(const NewStep& step)
    : step_(step),
      chunk_bytes_(step.chunk_bytes.value_or(usual_chunk_bytes(bytes_of(step)))),
      step_folder_(step.folder / step_folder_name(step.description.step)),
      unfinished_(step.folder / unfinished_folder_name(step.description.step, step.description.generation)) {}

void StepWriter::prepare() const {
  or_leave_nothing([&] { make_room(); });
}

void StepWriter::make_room() const {
  create_folders(step_.folder);
  remove_leftovers(step_.folder);
  if (is_there(step_folder_) && !is_damaged(step_folder_))
    throw InputError("{}: this step is saved already, and nothing is overwritten", step_folder_.string());
  if (is_there(unfinished_)) remove_leftover(unfinished_);
  create_folders(unfinished_);
}

// A damaged step stays until the one in its place is whole: the disk may have failed only to read it.
void StepWriter::put_aside_damaged() const {
  fs::path aside;
  int number = 0;
  do {
    aside = step_.folder / fmt::format("void_{}_{}", step_folder_.filename().string(), number++);
  } while (is_there(aside));
  rename_folder(step_folder_, aside);
}

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
      write_shard(unfinished_ / file.name,
                  {.step = description.step, .generation = description.generation, .writer = rank},
                  entries_of(pieces), chunk_bytes_);
  sync_folder(unfinished_);
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

void StepWriter::commit(const std::vector<RankReport>& reports) const {
  or_leave_nothing([&] {
    for (size_t rank = 0; rank < reports.size(); ++rank)
      if (const std::optional<Failure>& failed = reports[rank].failure)
        raise({.kind = failed->kind,
               .message = fmt::format("step {} is not saved, rank {}: {}", step_.description.step, rank,
                                      failed->message)});
    publish(reports);
  });
}

void StepWriter::or_leave_nothing(const std::function<void()>& action) const {
  const std::optional<Failure> failure = attempt(action);
  if (!failure) return;
  attempt([&] { remove_leftovers(step_.folder); });  // as far as that goes: the next save tries again
  raise(*failure);
}

void StepWriter::publish(const std::vector<RankReport>& reports) const {
  Manifest manifest = manifest_of(step_.description, step_.tensors, reports);
  manifest.chunk_bytes = chunk_bytes_;
  const std::string text = to_text(manifest);
  // As strict as at load, coverage included: what nobody could read is not published.
  const std::optional<Failure> flaw = attempt([&] { parse_manifest(text, Manifest::kFileName); });
  TANDEM_CHECK(!flaw, "{}", flaw->message);
  File file = File::create(unfinished_ / Manifest::kFileName);
  file.append(std::as_bytes(std::span(text)));
  file.sync_and_close();
  sync_folder(unfinished_);
  if (is_there(step_folder_)) put_aside_damaged();
  rename_folder(unfinished_, step_folder_);
  if (const std::optional<Failure> failure = attempt([&] { sync_folder(step_.folder); })) {
    attempt([&] { remove_step(step_folder_); });
    raise(*failure);
  }
}

fs::path save_step(const NewStep& step, std::span<const Piece> pieces, Agreement& agreement) {
  const StepWriter writer(step);
  const auto first = [&](const std::function<void()>& action) {
    on_first_rank(agreement, [&] { return action(), std::string(); });
  };
  first([&] { writer.prepare(); });
  const std::vector<std::string> messages =
      agreement.gather(to_message(writer.write(pieces, agreement.rank())));
  first([&] {
    std::vector<RankReport> reports;
    for (const std::string& message : messages) reports.push_back(report_of(message));
    writer.commit(reports);
  });
  return writer.step_folder();
}

}  // namespace tandem::checkpoint
