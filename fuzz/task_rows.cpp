// SPDX-License-Identifier: Apache-2.0
// An input is a file of a task: JSON lines.
#include <string>

#include "fuzz/json_mutator.h"
#include "fuzz/scratch_folder.h"
#include "fuzz/target.h"
#include "tandem/base/error.h"
#include "tandem/tasks/rows.h"
#include "tandem/tasks/task_parser.h"

namespace {

using namespace tandem::tasks;

// One that asks for all that a line can hold.
constexpr const char* kTask = R"({
  "name": "all", "summary": "-", "format": "json_lines", "files": {"test": "test.json"}, "id": ["id", "idx"],
  "inputs": {
    "content": {"path": "content", "gap": "#x#", "cut": "far_from_gap"},
    "words": {"path": "words", "join": "，"},
    "text": {"path": "target.text", "marks": [
      {"text": "target.a", "at": "target.a_at", "before": "【", "behind": "】"},
      {"text": "target.b", "at": "target.b_at", "before": "<", "behind": ">"}]}
  },
  "label": "answer", "candidates": {"path": "candidates", "count": 2},
  "patterns": [{"name": "one", "text": "{text}{words}。{content}"}],
  "metric": "accuracy", "submission": {"file": "p.json", "id": "integer", "member": "answer", "type": "integer"}
})";

}  // namespace

void tandem::fuzz::take(const std::string& input) {
  static const ScratchFolder folder;
  static const Task task = parse_task(kTask, "task.json");
  folder.write("rows.json", input);
  try {
    for (const Row& row : read_rows(task, FileRole::kTrain, folder.path() / "rows.json").rows) {
      TANDEM_CHECK(row.values.size() == 3 && row.candidates.size() == 2 && row.label.value() < 2, "a row");
      const std::string shown = show(task.patterns[0].pattern.render(row.values));
      TANDEM_CHECK(shown.size() > row.text().size() - 3, "{}", shown);
    }
  } catch (const tandem::InputError&) {
  }
}

size_t tandem::fuzz::mutate(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return mutate_json(data, size, max_size, seed);
}
