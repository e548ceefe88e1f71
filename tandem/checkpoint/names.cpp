// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/names.h"

#include <charconv>

#include <fmt/format.h>

namespace tandem::checkpoint {

namespace {

constexpr std::string_view kStepPrefix = "step_", kUnfinishedPrefix = ".unfinished_",
                           kRemovedPrefix = ".removed_";

}  // namespace

std::string step_folder_name(int64_t step) { return fmt::format("{}{:08}", kStepPrefix, step); }

std::optional<int64_t> step_of_folder_name(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  const std::string_view digits = name.substr(kStepPrefix.size());
  int64_t step = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  // Only the spelling that is written, so that one step has one name.
  if (error != std::errc() || step < 0 || end != digits.data() + digits.size() ||
      step_folder_name(step) != name)
    return std::nullopt;
  return step;
}

std::string unfinished_folder_name(int64_t step, int64_t generation) {
  return fmt::format("{}g{:08}_{}", kUnfinishedPrefix, generation, step_folder_name(step));
}

std::string removed_folder_name(std::string_view step_folder_name) {
  return fmt::format("{}{}", kRemovedPrefix, step_folder_name);
}

bool is_leftover_name(std::string_view name) {
  return name.starts_with(kUnfinishedPrefix) || name.starts_with(kRemovedPrefix);
}

std::string shard_file_name(const ShardWriter& writer) {
  return fmt::format("g{:08}_w{:05}_p000.safetensors", writer.generation, writer.rank);
}

std::optional<ShardWriter> writer_of(std::string_view file_name) {
  ShardWriter writer;
  const char* end = file_name.data() + file_name.size();
  const auto number = [&](const char* first, char before, auto& value) {
    if (first == end || *first != before) return end;
    return std::from_chars(first + 1, end, value).ptr;
  };
  const char* after = number(file_name.data(), 'g', writer.generation);
  if (after != end && *after == '_') number(after + 1, 'w', writer.rank);
  // Only the spelling that is written.
  if (writer.generation < 0 || writer.rank < 0 || shard_file_name(writer) != file_name) return std::nullopt;
  return writer;
}

bool is_plain_file_name(std::string_view name) {
  constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace tandem::checkpoint
