// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "scratch_folder.h"
#include "stored_model.h"

namespace tandem::checkpoint {
namespace {

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  std::string output;
  std::array<char, 4096> block;
  while (const size_t got = std::fread(block.data(), 1, block.size(), pipe.get()))
    output.append(block.data(), got);
  return output;
}

std::string hex(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

TEST(PythonReader, FindsEveryByteByTheFormatsDescription) {
  const ScratchFolder scratch;
  const StoredLayout layout{.mesh = {.data = 3, .pipeline = 2, .tensor = 2}};
  const auto folder = save_model(scratch.path(), described_step(1, layout), layout);
  const std::string script = TANDEM_SOURCE_DIR "/tests/checkpoint/read_checkpoint.py";
  const auto read = nlohmann::json::parse(output_of("python3 " + script + " " + folder.string()));
  const auto tensors = stored_tensors(2);
  ASSERT_EQ(read.size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i)
    for (const Role role : kAllRoles)
      EXPECT_EQ(read.at(tensors[i].name).at(name_of(role)),
                hex(stored_values(i, role, tensors[i].shape, layout::whole(tensors[i].shape))))
          << tensors[i].name;
}

}  // namespace
}  // namespace tandem::checkpoint
