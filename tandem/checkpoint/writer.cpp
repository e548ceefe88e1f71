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
#include "tandem/checkpoint/rank_report.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/shard_cache.h"
#include "tandem/checkpoint/shard_file.h"
#include "tandem/checkpoint/step_folders.h"
#include "tandem/checkpoint/step_manifest.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

std::vector<RankReport> reports_of(const std::vector<std::string>& messages, int64_t step) {
  std::vector<RankReport> reports;
  for (size_t rank = 0; rank < messages.size(); ++rank) {
    reports.push_back(report_of(messages[rank]));
    if (std::optional<Failure>& failure = reports.back().failure) {
      failure->message = fmt::format("step {} is not saved, rank {}: {}", step, rank, failure->message);
      raise(*failure);
    }
  }
  return reports;
}

class Saver {
 public:
  Saver(const fs::path& folder, const StepDescription& description,
        const std::vector<layout::TensorSpec>& tensors)
      : folder_(folder),
        step_folder_(folder / step_folder_name(description.step)),
        unfinished_(folder / unfinished_folder_name(description.step, description.generation)),
        description_(description),
        tensors_(tensors) {}

  const fs::path& step_folder() const { return step_folder_; }

  /// Makes room for the step; rank 0.
  void prepare() const {
    create_folders(folder_);
    remove_leftovers(folder_);
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(step_folder_, ignored))) put_aside_damaged();
    if (fs::exists(fs::symlink_status(unfinished_, ignored)))
      throw EnvironmentError("{}: an interrupted save left it and it cannot be removed; remove it",
                             unfinished_.string());
    create_folders(unfinished_);
  }

  /// Writes the rank's own file; every rank.
  RankReport write(std::span<const Piece> pieces, int rank) const {
    RankReport report{.run_id = description_.run_id, .step = description_.step, .slices = {}};
    report.failure = attempt([&] { write_file(pieces, rank, report); });
    return report;
  }

  /// Checks what all ranks wrote and makes the step visible, or leaves nothing of it; rank 0.
  void commit(const std::vector<std::string>& reports) const {
    if (const auto failure = attempt([&] { publish(reports_of(reports, description_.step)); })) {
      attempt([&] { remove_leftovers(folder_); });  // as far as that goes: the next save tries again
      raise(*failure);
    }
  }

 private:
  void publish(const std::vector<RankReport>& reports) const {
    const std::string text = to_text(manifest_of(description_, tensors_, reports));
    // As strict as at load, coverage included: what nobody could read is not published.
    const std::optional<Failure> flaw = attempt([&] { parse_manifest(text, Manifest::kFileName); });
    TANDEM_CHECK(!flaw, "{}", flaw->message);
    File file = File::create(unfinished_ / Manifest::kFileName);
    file.append(std::as_bytes(std::span(text)));
    file.sync_and_close();
    sync_folder(unfinished_);
    rename_folder(unfinished_, step_folder_);
    if (const std::optional<Failure> failure = attempt([&] { sync_folder(folder_); })) {
      attempt([&] { remove_step(step_folder_); });
      raise(*failure);
    }
  }

  void put_aside_damaged() const {
    if (!is_damaged(step_folder_))
      throw InputError("{}: this step is saved already, and nothing is overwritten", step_folder_.string());
    fs::path aside;
    int number = 0;
    do {
      aside = folder_ / fmt::format("void_{}_{}", step_folder_.filename().string(), number++);
    } while (fs::exists(aside));
    rename_folder(step_folder_, aside);
    sync_folder(folder_);
  }

  void write_file(std::span<const Piece> pieces, int rank, RankReport& report) const {
    std::vector<NewEntry> entries;
    std::map<std::pair<size_t, Role>, int64_t> numbers;
    for (const Piece& piece : pieces) {
      if (piece.slice.num_elements() == 0) continue;
      entries.push_back({.name = entry_name(piece.role, tensors_.at(piece.tensor).name,
                                            numbers[{piece.tensor, piece.role}]++),
                         .type = piece.type,
                         .shape = piece.slice.extent,
                         .bytes = piece.bytes});
      report.slices.push_back(
          {.tensor = piece.tensor, .role = piece.role, .type = piece.type, .box = piece.slice});
    }
    if (entries.empty()) return;
    const std::string name = shard_file_name({.generation = description_.generation, .rank = rank});
    const WrittenShard shard = write_shard(unfinished_ / name,
                                           {.run_id = description_.run_id,
                                            .step = description_.step,
                                            .generation = description_.generation,
                                            .writer = rank},
                                           entries);
    sync_folder(unfinished_);
    report.file = {.name = name, .bytes = shard.file_bytes};
    for (size_t i = 0; i < entries.size(); ++i) report.slices[i].position = shard.positions[i];
  }

  const fs::path& folder_;
  fs::path step_folder_, unfinished_;
  const StepDescription& description_;
  const std::vector<layout::TensorSpec>& tensors_;
};

}  // namespace

fs::path save_step(const fs::path& folder, const StepDescription& description,
                   const std::vector<layout::TensorSpec>& tensors, std::span<const Piece> pieces,
                   Agreement& agreement) {
  const Saver saver(folder, description, tensors);
  const auto first = [&](const std::function<void()>& action) {
    on_first_rank(agreement, [&] { return action(), std::string(); });
  };
  first([&] { saver.prepare(); });
  const auto reports = agreement.gather(to_message(saver.write(pieces, agreement.rank())));
  first([&] { saver.commit(reports); });
  return saver.step_folder();
}

}  // namespace tandem::checkpoint
