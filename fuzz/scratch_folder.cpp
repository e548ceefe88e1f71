// SPDX-License-Identifier: Apache-2.0
#include "fuzz/scratch_folder.h"

#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "tandem/base/error.h"

namespace tandem::fuzz {

namespace fs = std::filesystem;

ScratchFolder::ScratchFolder() {
  const fs::path memory = "/dev/shm";
  path_ = (::access(memory.c_str(), W_OK) == 0 ? memory : fs::temp_directory_path()) /
          fmt::format("tandem_fuzz_{}", ::getpid());
  fs::remove_all(path_);
  fs::create_directory(path_);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void ScratchFolder::write(const char* name, std::string_view content) const {
  std::ofstream file(path_ / name, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  TANDEM_CHECK(file.flush().good(), "cannot write {}", name);
}

}  // namespace tandem::fuzz
