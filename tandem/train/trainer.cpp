// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/trainer.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "tandem/base/error.h"
#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/launch/threads.h"
#include "tandem/observe/log.h"
#include "tandem/observe/trace.h"
#include "tandem/train/checkpointing.h"
#include "tandem/train/evaluation.h"
#include "tandem/train/flops.h"
#include "tandem/train/join.h"
#include "tandem/train/largest_of_ranks.h"
#include "tandem/train/learning_rate.h"
#include "tandem/train/reporter.h"
#include "tandem/train/restore.h"
#include "tandem/train/run_start.h"
#include "tandem/train/sharded_model.h"
#include "tandem/train/step_saver.h"
#include "tandem/train/stop_request.h"
#include "tandem/train/training_data.h"

namespace tandem::train {

namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostSkippedInARow = 8;

class Trainer {
 public:
  Trainer(const RunConfig& config, const launch::RankEnvironment& environment)
      : config_(config), data_(config), world_(join(config.parallel, environment)), model_(config, world_) {
    check_ranks_agree(config, data_.train(), all());
    run_ = take_run(config, data_.train(), model_, tiers_of(config, environment));
    open_log();
    const Start start = restore(config, data_.train(), model_, run_);
    position_ = start.position;
    saver_ = std::make_unique<StepSaver>(config_, data_.train(), model_, world_, run_, start);
    describe_run();
    at::Tensor peak = at::full({1}, measure_gemm_peak(model_.storage().types().compute), at::kDouble);
    all().all_reduce(peak);
    GroupAgreement agreement(all());
    checkpoint::on_first_rank(agreement, [&] {
      reporter_ = std::make_unique<Reporter>(config_, position_.step, peak.item<double>());
      return "";
    });
  }

  TrainOutcome run() {
    stop_.wait_for_steps();
    bool stopping = false;
    while (position_.step < config_.train.steps && !stopping) {
      step();
      const Boundary boundary = largest_of_all({.signals = stop_.came() ? 1 : 0, .failures = saver_->poll()});
      stopping = boundary.signals > 0;
      const int64_t every = config_.checkpoint.every_steps;
      if (stopping || position_.step == config_.train.steps) {
        saver_->save_last(position_, [this] { return prepare_save(); });
      } else if (every > 0 && position_.step % every == 0) {
        saver_->save(position_, boundary.failures, [this] { return prepare_save(); });
      } else {
        saver_->check(boundary.failures);
      }
    }
    saver_->finish();
    if (reporter_) reporter_->finish();
    if (config_.observe.trace)
      observe::process_trace().write(run_folder() / "trace" / fmt::format("rank_{:05}.json", world_.rank()),
                                     world_.rank());
    return {.preempted = position_.step < config_.train.steps, .step = position_.step};
  }

 private:
  void describe_run() const {
    const auto log = observe::process_log();
    if (position_.step >= config_.train.steps) {
      log->info("train.steps {} is reached already: nothing to do; raise it to go on", config_.train.steps);
      return;
    }
    int64_t parameters = 0;
    for (const layout::TensorSpec& spec : model_.table()) parameters += layout::num_elements(spec.shape);
    const double rows = static_cast<double>(config_.train.steps * config_.train.global_batch);
    log->info(
        "{:.1f} M parameters, data {} x tensor {} x pipeline {}, {} thread(s) a rank, {}; {} samples, {:.1f} "
        "epochs in {} steps",
        static_cast<double>(parameters) / 1e6, config_.parallel.data, config_.parallel.tensor,
        config_.parallel.pipeline, at::get_num_threads(), name_of(config_.train.precision),
        data_.train().size(), rows / static_cast<double>(data_.train().size()), config_.train.steps);
  }

  const comm::Group& all() const { return model_.groups().world; }
  bool is_first() const { return world_.rank() == 0; }
  fs::path run_folder() const { return config_.run_directory; }

  // What ranks tell each other between two steps.
  struct Boundary {
    int64_t signals = 0;
    int64_t failures = 0;  // saves or copies in a row that failed
  };
  Boundary largest_of_all(const Boundary& mine) const {
    const std::vector<int64_t> largest = largest_of_ranks(all(), {mine.signals, mine.failures});
    return {.signals = largest[0], .failures = largest[1]};
  }

  void open_log() const {
    observe::set_process_log(std::make_shared<observe::Log>(
        observe::LogOptions{.rank = world_.rank(),
                            .directory = run_folder() / "logs",
                            .file_level = observe::LogLevel::kDebug,
                            .terminal = is_first() ? &observe::standard_error() : nullptr}));
    if (config_.observe.trace) observe::process_trace().start();
  }

  void step() {
    const auto start = std::chrono::steady_clock::now();
    const double rate = learning_rate_at(config_.optimizer, position_.step, config_.train.steps);
    const StepResult result =
        model_.train_step(position_.step, data_.step_batches(position_.step, model_.coordinate().data), rate);
    ++position_.step;
    position_.optimizer_updates = model_.optimizer().num_updates();
    position_.skipped_in_a_row = result.skipped ? position_.skipped_in_a_row + 1 : 0;

    observe::StepMetrics metrics{.step = position_.step,
                                 .loss = result.loss,
                                 .learning_rate = rate,
                                 .gradient_norm = result.gradient_norm,
                                 .tokens = result.source_tokens + result.target_tokens,
                                 .skipped = result.skipped};
    metrics.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    metrics.tokens_per_second = static_cast<double>(metrics.tokens) / metrics.seconds;
    const int64_t every = config_.train.evaluate_every;
    if (data_.num_evaluation_rounds() > 0 &&
        ((every > 0 && position_.step % every == 0) || position_.step == config_.train.steps))
      add_evaluation(metrics);
    position_.validation_loss = metrics.validation_loss;
    if (reporter_)
      reporter_->step(metrics, step_flops(config_.model, {.source = result.source_tokens,
                                                          .target = result.target_tokens,
                                                          .rows = config_.train.global_batch}));
    if (position_.skipped_in_a_row >= kMostSkippedInARow)
      throw InputError(
          "{} steps in a row had no finite loss and gradient, the last at step {}: {}; lower the learning "
          "rate or look at the data",
          kMostSkippedInARow, position_.step, *result.skipped);
  }

  void add_evaluation(observe::StepMetrics& metrics) {
    auto evaluation = evaluate(model_, data_, position_.step, [this] { return stop_.came(); });
    if (!evaluation) return;
    metrics.validation_loss = evaluation->loss;
    metrics.sources = std::move(evaluation->sources);
  }

  // Saves are for the folders that this run holds, and follow the metrics of their steps: where those cannot
  // be written, the step is not saved.
  std::optional<checkpoint::Failure> prepare_save() {
    GroupAgreement agreement(all());
    checkpoint::on_every_rank(agreement, [&] { run_.check(); });
    const std::string unwritten = checkpoint::on_first_rank(agreement, [&] {
      const auto failure = checkpoint::attempt([&] { reporter_->sync(); });
      return failure ? failure->message : "";
    });
    if (unwritten.empty()) return std::nullopt;
    return checkpoint::Failure{.kind = ErrorKind::kEnvironment, .message = unwritten};
  }

  const RunConfig config_;
  StopRequest stop_;  // first
  TrainingData data_;
  comm::World world_;
  ShardedModel model_;
  HeldRun run_;
  Position position_;
  std::unique_ptr<StepSaver> saver_;
  std::unique_ptr<Reporter> reporter_;  // rank 0
};

// Into the rank's file only: the caller tells people.
void note_end(std::string_view why) { observe::process_log()->debug("ended: {}", why); }

}  // namespace

TrainOutcome train(const RunConfig& config, const launch::RankEnvironment& environment) {
  check_ranks(config.parallel, environment.world_size);
  at::set_num_threads(launch::threads_per_rank(launch::process_variables(), environment));
  try {
    const TrainOutcome outcome = Trainer(config, environment).run();
    if (outcome.preempted) note_end(fmt::format("preempted at step {}", outcome.step));
    return outcome;
  } catch (const std::exception& error) {
    note_end(error.what());
    throw;
  }
}

}  // namespace tandem::train
