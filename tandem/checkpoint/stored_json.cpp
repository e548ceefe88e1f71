// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/stored_json.h"

#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"
#include "tandem/checkpoint/file.h"

namespace tandem::checkpoint {

using nlohmann::json;

json parse_stored_json(const std::string& text, const std::string& place, size_t max_bytes) {
  try {
    return parse_strict_json(text, place, {.bytes = max_bytes});
  } catch (const InputError& error) {
    // Nobody edits these files: what is wrong in them is damage, not a user's slip.
    throw EnvironmentError("{}", error.what());
  }
}

std::optional<json> read_record(const std::filesystem::path& path, int64_t major) {
  constexpr int64_t kMaxBytes = int64_t{1} << 16;
  if (!is_there(path)) return std::nullopt;
  json record = parse_stored_json(read_text(path, kMaxBytes), path.string(), kMaxBytes);
  const std::string format = path.string() + ": format";
  const int64_t found =
      StoredMembers(StoredMembers(record, path.string()).object("format"), format).integer("major");
  if (found != major)
    throw InputError("{}: is of format {}, and this program knows {}; use a program that knows it",
                     path.string(), found, major);
  return record;
}

}  // namespace tandem::checkpoint
