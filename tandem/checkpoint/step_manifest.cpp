// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/step_manifest.h"

#include <ctime>

#include "tandem/base/error.h"

namespace tandem::checkpoint {

namespace {

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[sizeof "2000-01-01T00:00:00Z"];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

Manifest manifest_of(const StepDescription& description, const std::vector<layout::TensorSpec>& tensors,
                     const std::vector<RankReport>& reports) {
  Manifest manifest{.description = description, .saved_at = now_utc(), .tensors = {}, .files = {}};
  for (const layout::TensorSpec& spec : tensors)
    manifest.tensors.push_back({.name = spec.name, .shape = spec.shape});
  for (const RankReport& report : reports) {
    TANDEM_CHECK(report.step == description.step && report.run_id == description.run_id,
                 "a rank saves step {} of run {}, rank 0 step {} of run {}", report.step, report.run_id,
                 description.step, description.run_id);
    if (report.file) manifest.files.push_back(*report.file);
  }
  return manifest;
}

}  // namespace tandem::checkpoint
