// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tandem/observe/record_file.h"

namespace tandem::observe {

/// What an evaluation tells of the sources of one name.
struct SourceMetrics {
  std::string name;
  int64_t rows = 0;                       ///< trained on so far
  std::optional<double> validation_loss;  ///< nats: mean over the target tokens of its held-out data

  bool operator==(const SourceMetrics&) const = default;
};

/// One line of metrics.jsonl. The keys there are the members' names.
struct StepMetrics {
  int64_t step = 0;  ///< steps done, the first one is 1
  double loss = 0;   ///< nats: mean over the global batch's target tokens
  double learning_rate = 0;
  double gradient_norm = 0;  ///< of the whole model, before clipping
  int64_t tokens = 0;        ///< target and source tokens of the step, over all ranks
  double tokens_per_second = 0;
  double seconds = 0;                     ///< wall time of the step
  std::optional<double> validation_loss;  ///< nats: mean over the target tokens of the held-out data
  std::vector<SourceMetrics> sources;     ///< by name, each once; an object of objects
  std::optional<std::string> skipped;     ///< why the step changed no weight, naming tensor and rank
  std::vector<std::pair<std::string, double>> more;  ///< further numbers, written after the others

  bool operator==(const StepMetrics&) const = default;
};

/// Formats the object of a step in one line without a newline. Doubles keep every bit; what JSON cannot say
/// (NaN, infinity) is written as null.
std::string format_metrics(const StepMetrics& metrics);

/// Parses a line of metrics.jsonl; null becomes NaN. Returns nothing if it is not such an object.
std::optional<StepMetrics> parse_metrics(std::string_view line);

/// Appends to metrics.jsonl. One rank of a run owns it; one thread.
class MetricsWriter {
 public:
  /// Opens the file of a run that goes on after `last_step` (0: from the start). Lines of later steps,
  /// repeated steps and a torn end are taken away first: by a new file and a rename, so that no crash loses a
  /// line. Warns in the process's log where it lacks steps up to `last_step`. Throws InputError if a line in
  /// the middle is foreign, EnvironmentError if the file cannot be written.
  MetricsWriter(const std::filesystem::path& path, int64_t last_step);

  /// Appends a step, later than all before it; as RecordFile::append.
  void write(const StepMetrics& metrics);
  /// Makes the lines survive a loss of power; call it before a checkpoint of the same step becomes visible.
  /// Throws EnvironmentError.
  void sync() { file_.sync(); }

 private:
  RecordFile file_;
  int64_t last_step_;
};

/// Reads a metrics.jsonl, which may still be growing: a torn last line is left out.
/// Throws InputError if it is missing or holds a foreign line.
std::vector<StepMetrics> read_metrics(const std::filesystem::path& path);

}  // namespace tandem::observe
