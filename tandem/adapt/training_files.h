// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tandem/adapt/recipe.h"
#include "tandem/data/sample.h"
#include "tandem/data/tokenizer.h"
#include "tandem/tasks/phrasing.h"
#include "tandem/tasks/rows.h"
#include "tandem/tasks/task_data.h"

namespace tandem::adapt {

/// A file to train on or to be evaluated by, as data.train and data.validation name it.
struct TrainingSource {
  std::string name;  ///< of the task, or of the text
  std::filesystem::path path;
  double weight = 1;
};

/// What a recipe comes down to.
struct TrainingFiles {
  std::vector<TrainingSource> train, dev;
  int64_t pairs = 0;          ///< labelled ones, over all tasks
  double share_of_pairs = 1;  ///< of a step's rows
};

/// A recipe's task with its data.
struct OpenedTask {
  const RecipeTask& entry;
  tasks::TaskData data;

  explicit OpenedTask(const RecipeTask& of) : entry(of), data(of.task, of.data) {}
  const tasks::TaskFile& train_file() const {
    return entry.task.file_of_split(tasks::FileRole::kTrain, entry.split);
  }
  const tasks::TaskFile& dev_file() const {
    return entry.task.file_of_split(tasks::FileRole::kDev, entry.split);
  }
};

/// Returns where a recipe's files lie in a folder and how they are weighted, without writing any. Throws as
/// TaskData does, also for training files that are test files.
TrainingFiles plan_training_files(const Recipe& recipe, std::vector<OpenedTask>& tasks,
                                  const std::filesystem::path& folder);

/// Writes them: of each task its training rows in each pattern and its dev rows in the first, as pairs, and
/// its unlabeled texts as an index, if the recipe learns from them; the tokenizer. One rank calls. Errors as
/// Phrasing, write_file_atomically and data::OutputFiles.
void write_training_files(const Recipe& recipe, std::vector<OpenedTask>& tasks,
                          const std::filesystem::path& folder, const data::Tokenizer& tokenizer,
                          data::SampleLengths lengths);

/// Returns rows with answers as the pairs that training reads (docs/formats.md, "Pairs"): a JSON line a row,
/// source and target as token ids. `file` names the rows' file in messages.
std::string pairs_of(const tasks::Phrasing& phrasing, const std::vector<tasks::Row>& rows,
                     const std::string& file);

/// Returns the texts that rows without answers can be learned from: each input is one, or where it has a gap
/// the two around it.
std::vector<std::string> texts_of(const tasks::Task& task, const std::vector<tasks::Row>& rows);

/// Returns texts as the documents that `tandem data encode` reads: {"text": …} a line.
std::string documents_of(const std::vector<std::string>& texts);

}  // namespace tandem::adapt
