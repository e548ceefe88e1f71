// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/step_copy.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/failure.h"
#include "tandem/checkpoint/file.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/numbers.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/unfinished_step.h"
#include "tandem/checkpoint/verify.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

UnfinishedStep place_of(const fs::path& folder, const Manifest& manifest) {
  return {folder, {.step = manifest.description.step, .generation = manifest.description.generation}};
}

// What goes wrong where the copy goes says nothing of the step.
void at_target(const std::function<void()>& action) {
  if (const auto failure = damage_found(action)) throw UnreadableError("{}", failure->message);
}

void copy_file(const StepReader& source, size_t file, const fs::path& folder) {
  const Manifest& manifest = source.manifest();
  std::optional<File> target;
  at_target([&] { target.emplace(File::create(folder / manifest.files.at(file).name)); });
  StepFiles(copies_in(source.folder(), manifest), manifest)
      .read_file(file, [&](std::span<const std::byte> chunk) { at_target([&] { target->append(chunk); }); });
  at_target([&] {
    target->sync_and_close();
    sync_folder(folder);
  });
}

// One copy of one step, as one rank takes part in it.
class StepCopying {
 public:
  StepCopying(const Tiers& tiers, const KeptStep& step, Agreement& agreement)
      : agreement_(agreement),
        folder_(tiers.durable),
        local_(tiers.local.value() / step_folder_name(step.step)),
        durable_(tiers.durable / step_folder_name(step.step)),
        seal_(step.seal) {}

  fs::path run() {
    if (is_there_already()) return durable_;
    // A node without its part of the step copies nothing; the others may have what it takes.
    attempt([&] { source_.emplace(StepReader::open_copies(std::span(&local_, 1), seal_)); });
    const std::vector<int> writers = make_room();
    const auto failure = attempt([&] {
      on_every_rank(agreement_, [&] { write(writers); });
      on_first_rank(agreement_, [&] {
        at_target([&] { place_->publish(manifest_); });
        return std::string();
      });
    });
    if (failure && place_) place_->discard();
    if (failure) raise(*failure);
    at_target([&] { read_back(durable_, writers, agreement_); });
    return durable_;
  }

 private:
  bool is_there_already() const {
    const std::string seal = on_first_rank(agreement_, [&] { return claimed_seal(durable_); });
    if (seal != seal_) return false;
    return !damage_found([&] { read_back(durable_, {}, agreement_); });
  }

  // Returns who writes which file.
  std::vector<int> make_room() {
    std::vector<size_t> mine;
    if (source_) mine = source_->files_in(local_);
    const std::vector<std::string> all = agreement_.gather(text_of_numbers(mine));
    return numbers_of<int>(on_first_rank(agreement_, [&] {
      const Manifest manifest = read_manifest();
      std::vector<std::vector<size_t>> held;
      for (const std::string& text : all) held.push_back(numbers_of<size_t>(text));
      std::vector<int> writers;
      for (const std::optional<int>& writer : assign_copies(manifest.files.size(), held)) {
        if (!writer)
          throw EnvironmentError("{}: is on no node's disk, so its step cannot be copied",
                                 (local_ / manifest.files[writers.size()].name).string());
        writers.push_back(*writer);
      }
      place_.emplace(place_of(folder_, manifest));
      // One of this manifest was found damaged just now.
      const auto whole = claimed_seal(durable_) == seal_ ? WholeStep::kReplace : WholeStep::kRefuse;
      at_target([&] { place_->prepare(whole); });
      return text_of_numbers(writers);
    }));
  }

  // Rank 0's node may have lost its disk since the step was saved: the manifest may lie in either tier.
  Manifest read_manifest() {
    for (const fs::path& folder : {local_, durable_}) {
      if (claimed_seal(folder) != seal_) continue;
      manifest_ = read_manifest_text(folder);
      return parse_manifest(manifest_, (folder / Manifest::kFileName).string());
    }
    throw EnvironmentError("{}: its manifest is gone, so the step cannot be copied", local_.string());
  }

  void write(const std::vector<int>& writers) const {
    for (size_t file = 0; file < writers.size(); ++file)
      if (writers[file] == agreement_.rank())
        copy_file(*source_, file, place_of(folder_, source_->manifest()).folder());
  }

  Agreement& agreement_;
  fs::path folder_, local_, durable_;
  const std::string seal_;
  std::string manifest_;                 // rank 0
  std::optional<UnfinishedStep> place_;  // rank 0
  std::optional<StepReader> source_;
};

}  // namespace

std::vector<std::optional<int>> assign_copies(size_t files, const std::vector<std::vector<size_t>>& held) {
  std::vector<std::vector<int>> holders(files);
  for (size_t rank = 0; rank < held.size(); ++rank)
    for (const size_t file : held[rank])
      if (file < files) holders[file].push_back(static_cast<int>(rank));
  std::vector<int64_t> taken(held.size());
  std::vector<std::optional<int>> assigned(files);
  for (size_t file = 0; file < files; ++file) {
    if (holders[file].empty()) continue;
    const int rank = *std::ranges::min_element(
        holders[file], {}, [&](int holder) { return taken[static_cast<size_t>(holder)]; });
    assigned[file] = rank;
    ++taken[static_cast<size_t>(rank)];
  }
  return assigned;
}

fs::path copy_step(const Tiers& tiers, const KeptStep& step, Agreement& agreement) {
  return StepCopying(tiers, step, agreement).run();
}

}  // namespace tandem::checkpoint
