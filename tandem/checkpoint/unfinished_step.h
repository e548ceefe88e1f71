// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace tandem::checkpoint {

/// What to do with a whole step in the place of a new one.
enum class WholeStep { kRefuse, kReplace };

/// A step while it is written: a hidden folder, which becomes the step's by one rename. One process prepares,
/// publishes or discards it; others may write files into it between.
class UnfinishedStep {
 public:
  /// What the folder is named by.
  struct Name {
    int64_t step = 0;
    int64_t generation = 0;
  };
  /// `folder` is that of the steps.
  UnfinishedStep(const std::filesystem::path& folder, const Name& name);

  /// Returns the hidden folder.
  const std::filesystem::path& folder() const { return hidden_; }
  /// Returns the folder that the step will have.
  const std::filesystem::path& step_folder() const { return step_folder_; }

  /// Removes what earlier saves left, and creates the hidden folder; leaves nothing where it fails. A whole
  /// step of that number is an InputError, unless it is to be replaced.
  void prepare(WholeStep whole = WholeStep::kRefuse) const;
  /// Writes the manifest, as the last file, and makes the step visible; all on the disk once it returns. What
  /// was in its place is put aside.
  void publish(const std::string& manifest) const;
  /// Removes what is hidden, as far as that goes: the next `prepare` tries again.
  void discard() const;

 private:
  void make_room(WholeStep whole) const;

  std::filesystem::path folder_, step_folder_, hidden_;
};

}  // namespace tandem::checkpoint
