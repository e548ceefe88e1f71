// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/reporter.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "tandem/observe/log.h"

namespace tandem::train {

namespace {

observe::ProgressOptions progress_options(const RunConfig& config, int64_t first_step) {
  return {.label = "train",
          .total = config.train.steps,
          .start = first_step,
          .unit = "steps",
          .plain_every_done = config.observe.log_every};
}

std::vector<observe::Scalar> scalars_of(const observe::StepMetrics& metrics) {
  std::vector<observe::Scalar> scalars{{"train/loss", metrics.loss},
                                       {"train/learning_rate", metrics.learning_rate},
                                       {"train/gradient_norm", metrics.gradient_norm},
                                       {"train/tokens_per_second", metrics.tokens_per_second}};
  if (metrics.validation_loss) scalars.push_back({"validation/loss", *metrics.validation_loss});
  for (const observe::SourceMetrics& source : metrics.sources)
    if (source.validation_loss)
      scalars.push_back({"validation/loss/" + source.name, *source.validation_loss});
  return scalars;
}

std::string describe_evaluation(const observe::StepMetrics& metrics) {
  std::string text = fmt::format("{:.4f}", *metrics.validation_loss);
  for (const observe::SourceMetrics& source : metrics.sources)
    if (source.validation_loss) text += fmt::format(", {} {:.4f}", source.name, *source.validation_loss);
  return text;
}

}  // namespace

Reporter::Reporter(const RunConfig& config, int64_t first_step, double gemm_flops_per_second)
    : log_every_(config.observe.log_every),
      num_steps_(config.train.steps),
      gemm_flops_per_second_(gemm_flops_per_second),
      metrics_(std::filesystem::path(config.run_directory) / "metrics.jsonl", first_step),
      progress_(observe::standard_error(), progress_options(config, first_step)) {
  if (config.observe.tensorboard)
    events_.emplace(std::filesystem::path(config.run_directory) / "events", first_step);
}

void Reporter::step(const observe::StepMetrics& metrics, double flops) {
  metrics_.write(metrics);
  if (events_) events_->write(metrics.step, scalars_of(metrics));
  const double share = flops / metrics.seconds / gemm_flops_per_second_;
  progress_.update({.done = metrics.step,
                    .loss = metrics.loss,
                    .tokens_per_second = metrics.tokens_per_second,
                    .gemm_share = share});
  const auto log = observe::process_log();
  if (metrics.skipped) log->warning("step {} skipped: {}", metrics.step, *metrics.skipped);
  if (metrics.validation_loss)
    log->info("step {}: validation loss {}", metrics.step, describe_evaluation(metrics));
  if (metrics.step % log_every_ == 0 || metrics.step == num_steps_)
    log->debug("step {}: loss {:.4f}, gradient norm {:.3f}, {:.0f} tokens/s", metrics.step, metrics.loss,
               metrics.gradient_norm, metrics.tokens_per_second);
}

void Reporter::sync() {
  metrics_.sync();
  if (events_) events_->flush();
}

double measure_gemm_peak(at::ScalarType type) {
  const at::NoGradGuard no_grad;
  constexpr int64_t kSize = 1024;
  const at::Tensor a = at::ones({kSize, kSize}, type), b = at::ones({kSize, kSize}, type);
  at::Tensor c = at::mm(a, b);
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  double best = 1e300;
  const auto begin = Clock::now();
  do {
    const auto start = Clock::now();
    at::mm_out(c, a, b);
    best = std::min(best, seconds_since(start));
  } while (seconds_since(begin) < 0.1);
  return 2.0 * kSize * kSize * kSize / best;
}

}  // namespace tandem::train
