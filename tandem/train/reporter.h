// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include <ATen/core/Tensor.h>

#include "tandem/observe/metrics.h"
#include "tandem/observe/progress.h"
#include "tandem/observe/tensorboard.h"
#include "tandem/train/run_config.h"

namespace tandem::train {

/// Tells people and files how a run goes: metrics.jsonl, TensorBoard, progress bar, log. One rank of a run
/// has one.
class Reporter {
 public:
  /// Opens the files of a run that goes on after `first_step` steps. `gemm_flops_per_second` is the job's
  /// measured peak.
  Reporter(const RunConfig& config, int64_t first_step, double gemm_flops_per_second);

  /// Reports a step that took `flops` floating-point operations.
  void step(const observe::StepMetrics& metrics, double flops);
  /// Makes the metrics so far outlive a loss of power, and writes the events so far: before a checkpoint of
  /// that step. Throws EnvironmentError.
  void sync();
  void finish() { progress_.finish(); }

 private:
  int64_t log_every_;
  int64_t num_steps_;
  double gemm_flops_per_second_;
  observe::MetricsWriter metrics_;
  std::optional<observe::EventWriter> events_;
  observe::Progress progress_;
};

/// Measures what this rank's matrix product reaches, in flops a second: the best of a few products of 1024 x
/// 1024 in the given type, as many as fit into a tenth of a second.
double measure_gemm_peak(at::ScalarType type);

}  // namespace tandem::train
