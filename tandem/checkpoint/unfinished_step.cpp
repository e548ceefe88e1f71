// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/unfinished_step.h"

#include <optional>
#include <span>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/manifest.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

UnfinishedStep::UnfinishedStep(const fs::path& folder, const Name& name)
    : folder_(folder),
      step_folder_(folder / step_folder_name(name.step)),
      hidden_(folder / unfinished_folder_name(name.step, name.generation)) {}

void UnfinishedStep::prepare(WholeStep whole) const {
  const std::optional<Failure> failure = attempt([&] { make_room(whole); });
  if (!failure) return;
  discard();
  raise(*failure);
}

void UnfinishedStep::make_room(WholeStep whole) const {
  create_folders(folder_);
  remove_leftovers(folder_);
  if (whole == WholeStep::kRefuse && is_there(step_folder_) && !is_damaged(step_folder_))
    throw InputError("{}: this step is saved already, and nothing is overwritten", step_folder_.string());
  if (is_there(hidden_)) remove_leftover(hidden_);
  create_folders(hidden_);
}

void UnfinishedStep::publish(const std::string& manifest) const {
  File file = File::create(hidden_ / Manifest::kFileName);
  file.append(std::as_bytes(std::span(manifest)));
  file.sync_and_close();
  sync_folder(hidden_);
  // It stays until the new one is whole: the disk may have failed only to read it.
  if (is_there(step_folder_)) put_aside(step_folder_);
  rename_folder(hidden_, step_folder_);
  if (const std::optional<Failure> failure = attempt([&] { sync_folder(folder_); })) {
    attempt([&] { remove_step(step_folder_); });
    raise(*failure);
  }
}

void UnfinishedStep::discard() const {
  attempt([&] { remove_leftovers(folder_); });
}

}  // namespace tandem::checkpoint
