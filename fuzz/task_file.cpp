// SPDX-License-Identifier: Apache-2.0
// An input is the file that defines a task.
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/json_mutator.h"
#include "fuzz/target.h"
#include "tandem/base/error.h"
#include "tandem/tasks/task_parser.h"

namespace {

using namespace tandem::tasks;

// A text that looks like a pattern itself.
std::string value_of(const Input& input) { return "_{" + input.name + "}" + input.gap + "_}"; }

void check(const Task& task, const TaskPattern& pattern) {
  std::vector<std::string> values;
  for (const Input& input : task.inputs) values.push_back(value_of(input));
  const std::vector<Part> parts = pattern.pattern.render(values);
  const auto gaps = static_cast<size_t>(std::ranges::count(parts, Part::Kind::kGap, &Part::kind));
  TANDEM_CHECK(gaps > 0 && gaps == pattern.pattern.num_gaps(), "{} gaps", gaps);
  TANDEM_CHECK(pattern.words.size() == task.labels.size(), "{} words", pattern.words.size());
  for (const Words& words : pattern.words) fill(parts, words);
}

}  // namespace

void tandem::fuzz::take(const std::string& input) {
  try {
    const Task task = parse_task(input, "task.json");
    TANDEM_CHECK(!task.patterns.empty() && task.num_classes() >= 2, "an empty task");
    for (const TaskPattern& pattern : task.patterns) check(task, pattern);
  } catch (const tandem::InputError&) {
  }
}

size_t tandem::fuzz::mutate(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return mutate_json(data, size, max_size, seed);
}
