// SPDX-License-Identifier: Apache-2.0
// Fails in the way that its argument names, inside the program's catch-all.
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include "tandem/base/error.h"
#include "tandem/cli/shell.h"

namespace {

int fail(const std::string& kind, char** argv) {
  if (kind == "input") throw tandem::InputError("a key\nis wrong");
  if (kind == "environment") throw tandem::EnvironmentError("the disk is full");
  if (kind == "bug") TANDEM_CHECK(kind.empty(), "never");
  if (kind == "memory") throw std::bad_alloc();
  if (kind == "system")
    throw std::system_error(std::make_error_code(std::errc::no_space_on_device), "writing");
  if (kind == "foreign") throw std::runtime_error("first line\nframe #0: x\nframe #1: y");
  if (kind == "foreign_memory")
    throw std::runtime_error("DefaultCPUAllocator: can't allocate memory: 8 bytes");
  if (kind == "unknown") throw 5;
  if (kind == "hand_over") tandem::cli::hand_over(argv);
  return std::stoi(kind);
}

}  // namespace

int main(int argc, char** argv) {
  return tandem::cli::run_program([&] { return fail(argc > 1 ? argv[1] : "0", argv); });
}
