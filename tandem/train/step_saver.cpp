// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/step_saver.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "tandem/base/error.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/retention.h"
#include "tandem/launch/report_channel.h"
#include "tandem/observe/log.h"
#include "tandem/observe/trace.h"
#include "tandem/train/checkpointing.h"
#include "tandem/train/largest_of_ranks.h"

namespace tandem::train {

namespace {

using checkpoint::Agreement;
using checkpoint::BackgroundCopier;
using checkpoint::KeptStep;
using checkpoint::Tiers;

// A slow disk is no lost peer: who waits for it must not give up before it does.
constexpr std::chrono::hours kDiskDeadline{24};
constexpr std::chrono::seconds kSlow{60};
// A copy that has ended on one rank ends on the others a few messages later.
constexpr std::chrono::seconds kOutcomeOnItsWay{10};

checkpoint::RetentionRule rule_of(const RunConfig& config) {
  const checkpoint::CheckpointConfig& keys = config.checkpoint;
  return {.newest = keys.keep, .every = keys.keep_every, .best = keys.keep_best};
}

// Removes older steps on rank 0's thread that saves or copies, after each that was read back. What cannot be
// removed costs room, not the run.
class OlderSteps {
 public:
  OlderSteps(const RunConfig& config, const Start& start)
      : folder_(checkpoint_directory(config)), rule_(rule_of(config)) {
    if (start.is_durable) verified_.insert(start.position.step);
  }

  void remove_after(int64_t step) {
    verified_.insert(step);
    const auto failure = checkpoint::attempt([&] {
      for (const auto& removed : apply_retention(folder_, rule_, verified_))
        observe::process_log()->info("removed {}: no rule of checkpoint.keep… keeps it", removed.string());
    });
    if (failure) observe::process_log()->warning("older steps stay: {}", failure->message);
  }

 private:
  std::string folder_;
  checkpoint::RetentionRule rule_;
  std::set<int64_t> verified_;
};

std::shared_ptr<BackgroundCopier> make_copier(const RunConfig& config, const comm::World& world,
                                              const HeldRun& run, const Start& start) {
  if (!run.tiers.local) return nullptr;
  auto copier = std::make_shared<BackgroundCopier>(
      run.tiers, rule_of(config),
      std::make_unique<ChannelAgreement>(world.make_channel("copies", kDiskDeadline)),
      [older = std::make_shared<OlderSteps>(config, start)](int64_t step) { older->remove_after(step); });
  copier->offer(start.local);
  return copier;
}

void make_room(const BackgroundCopier& copier, const Tiers& tiers, Agreement& agreement) {
  if (const auto failure = keep_only(copier.needed(), tiers, agreement))
    observe::process_log()->warning("older steps stay: {}", failure->message);
}

checkpoint::SavePlace place_of(const Tiers& tiers) {
  if (!tiers.local) return {.folder = tiers.durable};
  return {.folder = *tiers.local, .keeper = tiers.local_keeper};
}

checkpoint::AroundSave around_save(const RunConfig& config, const comm::World& world, const HeldRun& run,
                                   const Start& start, const std::shared_ptr<BackgroundCopier>& copier) {
  if (copier)
    return {
        .before = [copier, tiers = run.tiers](Agreement& agreement) { make_room(*copier, tiers, agreement); },
        .after =
            [copier, local = *run.tiers.local](KeptStep step) {
              step.seal = checkpoint::claimed_seal(local / checkpoint::step_folder_name(step.step));
              copier->offer({std::move(step)});
            }};
  if (world.rank() != 0) return {};
  return {.after = [older = std::make_shared<OlderSteps>(config, start)](const KeptStep& step) {
    older->remove_after(step.step);
  }};
}

// While the ranks wait for a disk, they meet so often: the loss of one shows.
std::chrono::milliseconds between_meetings(const RunConfig& config) {
  const std::chrono::milliseconds deadline = std::chrono::seconds(config.parallel.collective_seconds);
  return std::min(std::chrono::milliseconds(1000), deadline / 4);
}

checkpoint::SaveOutcome not_begun(int64_t step, checkpoint::Failure failure) {
  failure.message = fmt::format("step {} is not saved: {}", step, failure.message);
  return {.step = step, .failure = std::move(failure)};
}

}  // namespace

StepSaver::StepSaver(const RunConfig& config, const data::Dataset& data, ShardedModel& model,
                     const comm::World& world, const HeldRun& run, const Start& start)
    : config_(config),
      data_(data),
      model_(model),
      identity_(run.identity),
      roles_(stored_roles(model)),
      copier_(make_copier(config, world, run, start)),
      saver_(place_of(run.tiers), model.table(),
             std::make_unique<ChannelAgreement>(world.make_channel("checkpoint", kDiskDeadline)),
             around_save(config, world, run, start, copier_)),
      failed_saves_(config.checkpoint.max_failures),
      failed_copies_(config.checkpoint.max_failures),
      between_meetings_(between_meetings(config)) {
  // It may have been committed by a start that died before it told of it.
  if (start.position.step > 0) launch::report_committed_step(start.position.step);
  const std::vector<checkpoint::Piece> pieces = written_pieces(model, roles_);
  if (config.checkpoint.every_steps > 0 && goes_beside_training(pieces)) saver_.reserve(pieces);
}

checkpoint::StepDescription StepSaver::describe(const Position& position) const {
  checkpoint::StepDescription description = describe_step(config_, data_, identity_, position);
  description.roles = roles_;
  return description;
}

int64_t StepSaver::poll() {
  if (const auto outcome = saver_.take_outcome()) note_save(*outcome);
  if (copier_) {
    for (const checkpoint::SaveOutcome& outcome : copier_->take_outcomes()) note_copy(outcome);
    for (const int64_t step : copier_->take_skipped())
      observe::process_log()->info("step {} is not copied to {}: a newer one came before its turn", step,
                                   checkpoint_directory(config_));
    warn_of_slow_copy();
  }
  return std::max(failed_saves_.in_a_row(), failed_copies_.in_a_row());
}

void StepSaver::note_save(const checkpoint::SaveOutcome& outcome) {
  const auto log = observe::process_log();
  failed_saves_.note(outcome.failure);
  if (outcome.failure) {
    log->warning("{}; {} in a row", outcome.failure->message, failed_saves_.in_a_row());
  } else {
    log->info("saved step {} to {}", outcome.step, outcome.folder.string());
    // On every rank: each node's launcher hears only its own.
    launch::report_committed_step(outcome.step);
  }
}

void StepSaver::note_copy(const checkpoint::SaveOutcome& outcome) {
  const auto log = observe::process_log();
  const bool is_newest = !newest_copy_ || outcome.step >= newest_copy_->step;
  if (is_newest) newest_copy_ = outcome;
  // Older ones that are tried again with each step do not make more failures of one.
  if (is_newest || !outcome.failure) failed_copies_.note(outcome.failure);
  if (outcome.failure)
    log->warning("step {} is not copied to {}: {}; {} in a row", outcome.step, checkpoint_directory(config_),
                 outcome.failure->message, failed_copies_.in_a_row());
  else
    log->info("copied step {} to {}", outcome.step, outcome.folder.string());
}

void StepSaver::warn_of_slow_copy() {
  const auto copy = copier_->under_way();
  if (!copy || copy->step == slow_copy_ || std::chrono::steady_clock::now() - copy->since < kSlow) return;
  slow_copy_ = copy->step;
  observe::process_log()->warning(
      "step {} is still being copied to {} after {} s; training goes on, and ends only once the last step is "
      "there",
      copy->step, checkpoint_directory(config_), kSlow.count());
}

void StepSaver::throw_lost() const {
  throw EnvironmentError(
      "{}: the ranks lost each other while steps were saved or copied there; the log of another rank tells "
      "more",
      checkpoint_directory(config_));
}

void StepSaver::check(int64_t failures) {
  if (failures < config_.checkpoint.max_failures) return;
  // The ranks agreed on the failure, but this one may not have looked yet.
  await_save();
  poll();
  if (failed_saves_.are_too_many()) failed_saves_.raise("saves");
  while (copier_ && !failed_copies_.are_too_many() && copier_->wait_for_outcome(kOutcomeOnItsWay)) poll();
  if (failed_copies_.are_too_many()) failed_copies_.raise("copies");
  throw_lost();
}

bool StepSaver::goes_beside_training(std::span<const checkpoint::Piece> pieces) const {
  const int64_t limit = config_.checkpoint.staging_bytes;
  int64_t bytes = 0;
  for (const checkpoint::Piece& piece : pieces)
    for (const checkpoint::ByteSource& source : piece.values) bytes += source.size();
  return config_.checkpoint.async && (limit == 0 || bytes <= limit);
}

StepSaver::State StepSaver::of_any_rank(const State& mine) const {
  const auto largest =
      largest_of_ranks(model_.groups().world, {int64_t{mine.is_busy}, int64_t{mine.is_broken}});
  return {.is_busy = largest[0] != 0, .is_broken = largest[1] != 0};
}

bool StepSaver::is_any_saving() {
  const bool is_over = saver_.wait_for(between_meetings_);
  const State any = of_any_rank({.is_busy = !is_over, .is_broken = saver_.is_broken()});
  // Who has lost the others does not answer those that wait for it.
  if (any.is_busy && any.is_broken) throw_lost();
  return any.is_busy;
}

void StepSaver::await_save() {
  const auto start = std::chrono::steady_clock::now();
  bool is_slow = false;
  while (is_any_saving()) {
    if (is_slow || std::chrono::steady_clock::now() - start < kSlow) continue;
    is_slow = true;
    observe::process_log()->warning("training has waited {} s for a step to be saved, and goes on once it is",
                                    kSlow.count());
  }
}

checkpoint::SaveOutcome StepSaver::save_in_place(const Position& position,
                                                 std::span<const checkpoint::Piece> pieces) {
  saver_.begin_in_place(describe(position), pieces);
  await_save();
  return saver_.take_outcome().value();
}

void StepSaver::save(const Position& position, int64_t failures, const Preparation& prepare) {
  const observe::ScopedSpan span({"save", "checkpoint"});
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  await_save();
  const double waited = seconds();
  poll();
  // The save just awaited may have ended otherwise elsewhere; of copies only what was agreed on counts.
  check(largest_of_ranks(model_.groups().world, {std::max(failures, failed_saves_.in_a_row())})[0]);
  if (const auto failure = prepare()) return note_save(not_begun(position.step, *failure));
  const std::vector<checkpoint::Piece> pieces = written_pieces(model_, roles_);
  if (goes_beside_training(pieces))
    saver_.begin(describe(position), pieces, at::get_num_threads());
  else
    note_save(save_in_place(position, pieces));
  observe::process_log()->debug(
      "step {}: training stood {:.3f} s for its save, {:.3f} s of it for the one before", position.step,
      seconds(), waited);
}

void StepSaver::save_last(const Position& position, const Preparation& prepare) {
  const observe::ScopedSpan span({"save", "checkpoint"});
  await_save();
  poll();
  const auto failure = prepare();
  const checkpoint::SaveOutcome outcome =
      failure ? not_begun(position.step, *failure) : save_in_place(position, written_pieces(model_, roles_));
  note_save(outcome);
  if (outcome.failure) raise(*outcome.failure);
}

void StepSaver::finish() {
  if (!copier_) return;
  const observe::ScopedSpan span({"copy", "checkpoint"});
  State any{.is_busy = true};
  // All leave together: rank 0 may take the store along that the others still talk through.
  while (any.is_busy && !any.is_broken) {
    const bool is_over = copier_->wait(between_meetings_);
    const State mine{.is_busy = !is_over, .is_broken = copier_->is_broken()};
    poll();
    any = of_any_rank(mine);
  }
  if (newest_copy_ && newest_copy_->failure)
    checkpoint::raise(
        {.kind = newest_copy_->failure->kind,
         .message = fmt::format("step {} is not copied to {}: {}", newest_copy_->step,
                                checkpoint_directory(config_), newest_copy_->failure->message)});
  if (any.is_broken) throw_lost();
}

}  // namespace tandem::train
