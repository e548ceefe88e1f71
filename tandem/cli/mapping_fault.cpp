// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/mapping_fault.h"

#include <csignal>
#include <cstring>

#include <unistd.h>

#include "tandem/base/exit_code.h"
#include "tandem/data/mapped_file.h"

namespace tandem::cli {
namespace {

void say(const char* text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

// Only what a signal handler may call.
void end(int signal, siginfo_t* fault, void*) {
  const char* path = data::mapped_path_at(fault->si_addr);
  if (path == nullptr) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  say("error: ");
  say(path);
  say(" was cut short or cannot be read any more while it was in use; restore it and run again\n");
  ::_exit(kEnvironmentExit);
}

}  // namespace

void name_mapping_faults() {
  struct sigaction action {};
  action.sa_sigaction = end;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace tandem::cli
