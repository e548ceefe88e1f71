// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/archive.h"

#include <cstdint>
#include <memory>

#include <zip.h>

#include "tandem/base/error.h"

namespace tandem::tasks {
namespace {

// 1980-01-01 00:00, the first moment that the format knows.
constexpr uint16_t kNoTime = 0, kNoDate = 1 << 5 | 1;

struct Free {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// In memory nothing fails but its allocation.
void check(bool done, const char* what) {
  if (!done) throw EnvironmentError("the archive could not be {}: libzip ran out of memory", what);
}

void add(zip_t* archive, const std::string& name, const std::string& bytes) {
  Owned<zip_source_t> source(zip_source_buffer(archive, bytes.data(), bytes.size(), 0));
  check(source != nullptr, "filled");
  const zip_int64_t index = zip_file_add(archive, name.c_str(), source.get(), ZIP_FL_ENC_UTF_8);
  check(index >= 0, "filled");
  static_cast<void>(source.release());  // the archive's now
  check(zip_file_set_dostime(archive, static_cast<zip_uint64_t>(index), kNoTime, kNoDate, 0) == 0, "dated");
}

std::string bytes_of(zip_source_t* written) {
  zip_stat_t facts;
  check(zip_source_stat(written, &facts) == 0 && zip_source_open(written) == 0, "read");
  std::string bytes(facts.size, '\0');
  const zip_int64_t read = zip_source_read(written, bytes.data(), bytes.size());
  zip_source_close(written);
  check(read == static_cast<zip_int64_t>(bytes.size()), "read");
  return bytes;
}

}  // namespace

std::string zip_archive(const std::map<std::string, std::string>& files) {
  const Owned<zip_source_t> written(zip_source_buffer_create(nullptr, 0, 0, nullptr));
  check(written != nullptr, "begun");
  Owned<zip_t> archive(zip_open_from_source(written.get(), ZIP_CREATE | ZIP_TRUNCATE, nullptr));
  check(archive != nullptr, "begun");
  zip_source_keep(written.get());  // the archive frees one hold of it, this the other
  for (const auto& [name, bytes] : files) add(archive.get(), name, bytes);
  check(zip_close(archive.get()) == 0, "written");
  static_cast<void>(archive.release());
  return bytes_of(written.get());
}

}  // namespace tandem::tasks
