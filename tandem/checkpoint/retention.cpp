// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/retention.h"

#include <algorithm>
#include <functional>

#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

std::set<int64_t> kept_steps(std::vector<KeptStep> whole, const RetentionRule& rule) {
  std::set<int64_t> kept;
  const auto keep_first = [&](int64_t count) {
    for (int64_t i = 0; i < std::min(count, std::ssize(whole)); ++i)
      kept.insert(whole[static_cast<size_t>(i)].step);
  };
  std::ranges::sort(whole, std::ranges::greater{}, &KeptStep::step);
  keep_first(rule.newest);
  for (const KeptStep& step : whole)
    if (rule.every > 0 && step.step % rule.every == 0) kept.insert(step.step);
  std::erase_if(whole, [](const KeptStep& step) { return !step.validation_loss; });
  std::ranges::stable_sort(whole, {}, [](const KeptStep& step) { return *step.validation_loss; });
  keep_first(rule.best);
  return kept;
}

std::set<int64_t> superfluous_steps(const std::vector<KeptStep>& whole, const RetentionRule& rule,
                                    const std::set<int64_t>& verified) {
  TANDEM_CHECK(rule.newest >= 0 && rule.every >= 0 && rule.best >= 0);
  std::set<int64_t> superfluous;
  if (rule.newest == 0) return superfluous;
  const std::set<int64_t> kept = kept_steps(whole, rule);
  std::optional<int64_t> newest_verified;
  for (const KeptStep& step : whole)
    if (verified.contains(step.step) && step.step > newest_verified.value_or(-1)) newest_verified = step.step;
  for (const KeptStep& step : whole)
    if (!kept.contains(step.step) && newest_verified && step.step < *newest_verified)
      superfluous.insert(step.step);
  return superfluous;
}

std::vector<fs::path> apply_retention(const fs::path& folder, const RetentionRule& rule,
                                      const std::set<int64_t>& verified) {
  std::vector<KeptStep> whole;
  std::set<std::string> runs;
  std::vector<FoundStep> damaged;
  const std::vector<FoundStep> steps = find_steps(folder);
  for (const FoundStep& found : steps) {
    const auto failure = attempt([&] {
      const StepReader reader = StepReader::open_step(found.folder);
      const StepDescription& saved = reader.manifest().description;
      whole.push_back({.step = saved.step, .validation_loss = saved.validation_loss});
      runs.insert(saved.run_id);
    });
    if (failure && failure->may_be_whole) raise(*failure);
    // One of a format that this program cannot read is somebody's whole step: it is left alone.
    // One whose number keeps it may be whole and only the disk at fault.
    const bool is_kept = rule.every > 0 && found.step % rule.every == 0;
    if (failure && failure->kind == ErrorKind::kEnvironment && !is_kept) damaged.push_back(found);
  }
  if (runs.size() > 1)
    throw InputError("{}: holds steps of {} runs, so none is removed; leave those of one run there",
                     folder.string(), runs.size());
  std::set<int64_t> superfluous = superfluous_steps(whole, rule, verified);
  const auto oldest =
      std::ranges::find_if(whole, [&](const KeptStep& step) { return !superfluous.contains(step.step); }, {});
  if (!superfluous.empty() && oldest != whole.end())
    for (const FoundStep& found : damaged)
      if (found.step < oldest->step) superfluous.insert(found.step);

  std::vector<fs::path> removed;
  for (const FoundStep& found : steps)
    if (superfluous.contains(found.step)) {
      remove_step(found.folder);
      removed.push_back(found.folder);
    }
  return removed;
}

}  // namespace tandem::checkpoint
