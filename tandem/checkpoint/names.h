// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::checkpoint {

/// Returns "step_00000100".
std::string step_folder_name(int64_t step);
/// Returns the step of a step folder's name, or nothing for any other name.
std::optional<int64_t> step_of_folder_name(std::string_view name);

/// Returns the name under which the folder of a step is written until it is whole.
std::string unfinished_folder_name(int64_t step, int64_t generation);
/// Returns the name that a step folder gets before its files are removed.
std::string removed_folder_name(std::string_view step_folder_name);
/// Tells whether a folder is what an interrupted save or removal left.
bool is_leftover_name(std::string_view name);

/// Who wrote a shard file.
struct ShardWriter {
  int64_t generation = 0;
  int rank = 0;
};
/// Returns "g00000008_w00003_p000.safetensors": generation, writer, part (so far always 0).
std::string shard_file_name(const ShardWriter& writer);

/// Returns who wrote the shard file of a name that `shard_file_name` makes, or nothing for any other name.
std::optional<ShardWriter> writer_of(std::string_view file_name);

/// Tells whether a name from outside can only mean a file in its own folder: 1 to 200 of [A-Za-z0-9._-], not
/// beginning with a dot.
bool is_plain_file_name(std::string_view name);

}  // namespace tandem::checkpoint
