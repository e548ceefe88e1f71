// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tandem/base/field.h"
#include "tandem/tasks/task.h"

namespace tandem::adapt {

/// One task of a recipe.
struct RecipeTask {
  tasks::Task task;
  std::filesystem::path data;
  std::string split;  ///< "0", …, "few_all", or "" for files without one
  std::vector<std::string>
      patterns;  ///< every row is learned in each of them; the first is what dev rows are asked in
  std::filesystem::path soft = {};  ///< pairs with soft labels to learn from too, see soft_labels.h; or empty
};

/// Shares of what a step's rows are drawn from; only their ratios count.
struct RecipeShares {
  double text = 1;
  double unlabeled = 1;
  double labelled = 2;
};

/// What a tuning learns from: masked text, masked texts of the tasks themselves, and their labelled rows.
struct Recipe {
  std::vector<RecipeTask> tasks;  ///< at least one, no two of one name
  Sources text;                   ///< encoded data, as of a pretraining; may be empty
  bool unlabeled = false;         ///< whether the tasks' unlabeled texts are learned from
  RecipeShares shares;
  /// A task's part of its kind's share is min(rows, cap)^(1 / temperature): small tasks are not drowned.
  int64_t cap = 256;
  double temperature = 2;
};

/// Finds a task by the name or path that a recipe gives.
using FindTask = std::function<tasks::Task(const std::string&)>;

/// Reads a recipe (docs/formats.md, "Recipes"); relative paths in it are seen from its own folder. Throws
/// InputError that names the file and the member for what is missing, of a wrong type or unknown.
Recipe read_recipe(const std::filesystem::path& path, const FindTask& find);

/// Returns the parts of a share that sources of so many elements get; they sum to 1.
std::vector<double> parts_of_share(const std::vector<int64_t>& elements, int64_t cap, double temperature);

}  // namespace tandem::adapt
