// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/step_saver.h"

#include <chrono>
#include <memory>
#include <string>

#include <ATen/Parallel.h>

#include "tandem/base/error.h"
#include "tandem/checkpoint/retention.h"
#include "tandem/launch/report_channel.h"
#include "tandem/observe/log.h"
#include "tandem/observe/trace.h"
#include "tandem/train/checkpointing.h"

namespace tandem::train {

namespace {

// What cannot be removed costs room, not the run.
void remove_older(const RunConfig& config, const std::set<int64_t>& verified) {
  const checkpoint::CheckpointConfig& keys = config.checkpoint;
  const auto failure = checkpoint::attempt([&] {
    checkpoint::apply_retention(checkpoint_directory(config),
                                {.newest = keys.keep, .every = keys.keep_every, .best = keys.keep_best},
                                verified);
  });
  if (failure) observe::process_log()->warning("older steps stay: {}", failure->message);
}

}  // namespace

StepSaver::StepSaver(const RunConfig& config, const data::Dataset& data, ShardedModel& model,
                     const comm::World& world, const checkpoint::RunIdentity& identity, int64_t resumed)
    : config_(config),
      data_(data),
      model_(model),
      identity_(identity),
      roles_(stored_roles(model)),
      verified_{resumed},
      saver_(checkpoint_directory(config), model.table(),
             std::make_unique<ChannelAgreement>(world.make_channel("checkpoint")), [this](int64_t step) {
               verified_.insert(step);
               remove_older(config_, verified_);
             }) {}

checkpoint::StepDescription StepSaver::describe(const Position& position) const {
  checkpoint::StepDescription description = describe_step(config_, data_, identity_, position);
  description.roles = roles_;
  return description;
}

int64_t StepSaver::poll() {
  if (const auto outcome = saver_.take_outcome()) note(*outcome);
  return failures_;
}

void StepSaver::note(const checkpoint::SaveOutcome& outcome) {
  const auto log = observe::process_log();
  if (outcome.failure) {
    ++failures_;
    log->warning("{}; {} in a row", outcome.failure->message, failures_);
  } else {
    failures_ = 0;
    log->info("saved step {} to {}", outcome.step, outcome.folder.string());
    // On every rank: each node's launcher hears only its own.
    launch::report_committed_step(outcome.step);
  }
  last_failure_ = outcome.failure;
}

void StepSaver::check(int64_t failures) {
  if (failures < config_.checkpoint.max_failures) return;
  // The ranks agreed on the failure, but this one may not have looked yet.
  saver_.wait();
  poll();
  checkpoint::Failure failure = last_failure_.value();
  if (failures > 1)
    failure.message = fmt::format("{} saves in a row failed, the last: {}", failures, failure.message);
  raise(failure);
}

bool StepSaver::fits_staging(std::span<const checkpoint::Piece> pieces) const {
  const int64_t limit = config_.checkpoint.staging_bytes;
  int64_t bytes = 0;
  for (const checkpoint::Piece& piece : pieces)
    for (const checkpoint::ByteSource& source : piece.values) bytes += source.size();
  return limit == 0 || bytes <= limit;
}

void StepSaver::save(const Position& position) {
  const observe::ScopedSpan span({"save", "checkpoint"});
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  saver_.wait();
  const double waited = seconds();
  check(poll());
  const std::vector<checkpoint::Piece> pieces = written_pieces(model_, roles_);
  if (config_.checkpoint.async && fits_staging(pieces))
    saver_.begin(describe(position), pieces, at::get_num_threads());
  else
    note(saver_.save_now(describe(position), pieces));
  observe::process_log()->debug(
      "step {}: training stood {:.3f} s for its save, {:.3f} s of it for the one before", position.step,
      seconds(), waited);
}

void StepSaver::save_last(const Position& position) {
  const observe::ScopedSpan span({"save", "checkpoint"});
  saver_.wait();
  poll();
  const checkpoint::SaveOutcome outcome = saver_.save_now(describe(position), written_pieces(model_, roles_));
  note(outcome);
  if (outcome.failure) raise(*outcome.failure);
}

}  // namespace tandem::train
