// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/trainer.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/agreement.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/retention.h"
#include "tandem/checkpoint/run_folder.h"
#include "tandem/data/dataset.h"
#include "tandem/launch/threads.h"
#include "tandem/observe/log.h"
#include "tandem/observe/trace.h"
#include "tandem/train/batch.h"
#include "tandem/train/checkpointing.h"
#include "tandem/train/flops.h"
#include "tandem/train/join.h"
#include "tandem/train/learning_rate.h"
#include "tandem/train/reporter.h"
#include "tandem/train/resume.h"
#include "tandem/train/sharded_model.h"
#include "tandem/train/stop_request.h"

namespace tandem::train {

namespace {

namespace fs = std::filesystem;
using checkpoint::Role;

constexpr int64_t kMostSkippedInARow = 8;

data::Dataset open_data(const RunConfig& config, const Sources& sources) {
  return data::Dataset::open({.sources = sources,
                              .data = config.data,
                              .objective = config.objective,
                              .vocabulary = config.model.vocabulary,
                              .seed = static_cast<uint64_t>(config.train.seed)});
}

class Trainer {
 public:
  Trainer(const RunConfig& config, const launch::RankEnvironment& environment)
      : config_(config),
        data_(open_data(config, config.data.train)),
        validation_(config.data.validation.empty()
                        ? std::nullopt
                        : std::optional(open_data(config, config.data.validation))),
        world_(join(config.parallel, environment)),
        model_(config, world_) {
    check_validation();
    check_ranks_agree();
    take_folder();
    restore();
    at::Tensor peak = at::full({1}, measure_gemm_peak(model_.storage().types().compute), at::kDouble);
    all().all_reduce(peak);
    GroupAgreement agreement(all());
    checkpoint::on_first_rank(agreement, [&] {
      reporter_ = std::make_unique<Reporter>(config_, position_.step, peak.item<double>());
      return "";
    });
  }

  TrainOutcome run() {
    bool stopping = any_rank(stop_.came());
    while (position_.step < config_.train.steps && !stopping) {
      step();
      stopping = any_rank(stop_.came());
      const int64_t every = config_.checkpoint.every_steps;
      const bool last = position_.step == config_.train.steps;
      if (last || stopping || (every > 0 && position_.step % every == 0)) save();
    }
    if (reporter_) reporter_->finish();
    if (config_.observe.trace)
      observe::process_trace().write(run_folder() / "trace" / fmt::format("rank_{:05}.json", world_.rank()),
                                     world_.rank());
    return {.preempted = position_.step < config_.train.steps, .step = position_.step};
  }

 private:
  const comm::Group& all() const { return model_.groups().world; }
  bool is_first() const { return world_.rank() == 0; }
  fs::path run_folder() const { return config_.run_directory; }

  bool any_rank(bool mine) const {
    at::Tensor flag = at::full({1}, mine ? 1 : 0, at::kLong);
    all().all_reduce(flag, comm::Reduce::kMax);
    return flag.item<int64_t>() != 0;
  }

  void check_validation() const {
    if (!validation_) return;
    if (validation_->ids() != data_.ids() ||
        (!validation_->tokenizer_hash().empty() && !data_.tokenizer_hash().empty() &&
         validation_->tokenizer_hash() != data_.tokenizer_hash()))
      throw InputError(
          "data.validation is encoded with another tokenizer than data.train; encode both with one");
  }

  // Ranks that compute different things would train nonsense or wait for each other.
  void check_ranks_agree() const {
    const std::vector<std::string> all_ranks = all().all_gather_text(what_ranks_share(config_, data_));
    std::vector<size_t> others;
    for (size_t rank = 0; rank < all_ranks.size(); ++rank)
      if (all_ranks[rank] != all_ranks[0]) others.push_back(rank);
    if (!others.empty())
      throw InputError("rank {}: another configuration or other data than rank 0's; give all the same",
                       fmt::join(others, ", "));
  }

  // Comes before the folder is touched: a run that is refused leaves it as it was.
  void check_start() const {
    if (const auto newest = checkpoint::StepReader::open_newest(checkpoint_directory(config_)))
      check_same_run(config_, data_, checkpoint::identity_of_run(run_folder()), *newest);
    else if (config_.checkpoint.start_from)
      checkpoint::StepReader::open(*config_.checkpoint.start_from)
          .require(model_.table(), std::vector{Role::kParameter});
  }

  // A tokenizer beside the steps is found by who reads them.
  void copy_tokenizer(const fs::path& folder) const {
    if (data_.tokenizer_path())
      write_file_atomically(folder / "tokenizer.model", read_file(*data_.tokenizer_path()));
  }

  // Rank 0 holds the run's folder for all; what it cannot do is an error on every rank.
  void take_folder() {
    GroupAgreement agreement(all());
    const std::string status = checkpoint::on_first_rank(agreement, [&] {
      check_start();
      folder_.emplace(checkpoint::RunFolder::open(run_folder(), config_.checkpoint.directory));
      const checkpoint::RunIdentity& identity = folder_->identity();
      write_file_atomically(run_folder() / "config.json", run_config_json(config_));
      copy_tokenizer(run_folder());
      if (config_.checkpoint.directory) copy_tokenizer(*config_.checkpoint.directory);
      return fmt::format("{} {}", identity.generation, identity.run_id);
    });
    const size_t space = status.find(' ');
    identity_ = {.run_id = status.substr(space + 1), .generation = std::stoll(status.substr(0, space))};
    observe::set_process_log(std::make_shared<observe::Log>(
        observe::LogOptions{.rank = world_.rank(),
                            .directory = run_folder() / "logs",
                            .file_level = observe::LogLevel::kDebug,
                            .terminal = is_first() ? &observe::standard_error() : nullptr}));
    if (config_.observe.trace) observe::process_trace().start();
  }

  void restore() {
    GroupAgreement agreement(all());
    const auto log = observe::process_log();
    using checkpoint::StepReader;
    if (const auto reader = open_together(
            agreement, [&] { return StepReader::open_newest(checkpoint_directory(config_)); })) {
      for (const std::string& line : reader->passed_over()) log->warning("{}", line);
      load_model(model_, *reader, std::vector{Role::kParameter, Role::kMoment1, Role::kMoment2});
      const checkpoint::StepDescription& saved = reader->manifest().description;
      position_ = {.step = saved.step,
                   .optimizer_updates = saved.optimizer_updates,
                   .skipped_in_a_row = saved.skipped_in_a_row};
      model_.optimizer().set_num_updates(saved.optimizer_updates);
      log->info("resumed at step {} from {}", saved.step, reader->folder().string());
    } else if (config_.checkpoint.start_from) {
      const auto start = open_together(
          agreement, [&] { return std::optional(StepReader::open(*config_.checkpoint.start_from)); });
      for (const std::string& line : start->passed_over()) log->warning("{}", line);
      load_model(model_, *start, std::vector{Role::kParameter});
      log->warning("started from the weights of {}; moments, steps and sample order are fresh",
                   start->folder().string());
      if (const auto difference = token_difference(data_, start->manifest().description); !difference.empty())
        log->warning("the data are not those of these weights: {}", difference);
    }
  }

  std::vector<model::Batch> batches_of(int64_t step) const {
    const int64_t rows = config_.train.global_batch / config_.parallel.data,
                  size = *config_.train.micro_batch;
    const int64_t begin = model_.coordinate().data * rows;
    std::vector<model::Batch> batches;
    for (int64_t first = begin; first < begin + rows; first += size) {
      std::vector<data::Sample> samples;
      for (int64_t row = first; row < first + size; ++row)
        samples.push_back(data_.row(static_cast<uint64_t>(step * config_.train.global_batch + row)));
      batches.push_back(make_batch(samples, first, data_.ids()));
    }
    return batches;
  }

  void step() {
    const auto start = std::chrono::steady_clock::now();
    const double rate = learning_rate_at(config_.optimizer, position_.step, config_.train.steps);
    const StepResult result = model_.train_step(position_.step, batches_of(position_.step), rate);
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
    if (validation_ && ((every > 0 && position_.step % every == 0) || position_.step == config_.train.steps))
      metrics.validation_loss = evaluate();
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

  // Micro-batches of the held-out data go to the data ranks in turn, a few at a time: neither memory nor the
  // answer to a signal depends on how many there are. Nothing if a signal came meanwhile.
  std::optional<double> evaluate() {
    const observe::ScopedSpan span({"evaluate", "step"});
    const auto size = static_cast<uint64_t>(*config_.train.micro_batch),
               turns = static_cast<uint64_t>(config_.parallel.data),
               round = size * turns * static_cast<uint64_t>(4 * config_.parallel.pipeline);
    EvaluationResult sum;
    for (uint64_t begin = 0; begin < validation_->size(); begin += round) {
      std::vector<model::Batch> batches;
      const uint64_t end = std::min(begin + round, validation_->size());
      for (uint64_t first = begin + size * static_cast<uint64_t>(model_.coordinate().data); first < end;
           first += size * turns) {
        std::vector<data::Sample> samples;
        for (uint64_t i = first; i < std::min(first + size, end); ++i)
          samples.push_back(validation_->fixed(i));
        batches.push_back(make_batch(samples, static_cast<int64_t>(first), validation_->ids()));
      }
      const EvaluationResult part = model_.evaluate(std::move(batches));
      sum.loss_sum += part.loss_sum;
      sum.target_tokens += part.target_tokens;
      if (any_rank(stop_.came())) return std::nullopt;
    }
    return sum.loss_sum / static_cast<double>(std::max<int64_t>(1, sum.target_tokens));
  }

  void save() {
    const observe::ScopedSpan span({"save", "checkpoint"});
    if (reporter_) reporter_->sync();
    const fs::path folder = checkpoint_directory(config_);
    const fs::path saved = save_model(model_, folder, describe_step(config_, data_, identity_, position_));
    observe::process_log()->info("saved step {} to {}", position_.step, saved.string());
    if (!is_first()) return;
    // What cannot be removed costs room, not the run.
    if (const auto failure =
            checkpoint::attempt([&] { checkpoint::keep_newest(folder, config_.checkpoint.keep); }))
      observe::process_log()->warning("older steps stay: {}", failure->message);
  }

  const RunConfig config_;
  StopRequest stop_;  // first: from here on a signal ends in a checkpoint
  data::Dataset data_;
  std::optional<data::Dataset> validation_;
  comm::World world_;
  ShardedModel model_;
  std::optional<checkpoint::RunFolder> folder_;  // rank 0
  checkpoint::RunIdentity identity_;
  Position position_;
  std::unique_ptr<Reporter> reporter_;  // rank 0
};

}  // namespace

TrainOutcome train(const RunConfig& config, const launch::RankEnvironment& environment) {
  check_ranks(config.parallel, environment.world_size);
  at::set_num_threads(launch::threads_per_rank(launch::process_variables(), environment));
  return Trainer(config, environment).run();
}

}  // namespace tandem::train
