// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tandem::cli {

struct Finished {
  int code;  ///< Exit code; 128 + number for a signal; -1 if it could not be started.
  std::string out;
  std::string err;
};

namespace detail {
inline std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}
inline std::string contents(int file) {
  std::string text(static_cast<size_t>(::lseek(file, 0, SEEK_END)), '\0');
  const ssize_t got = ::pread(file, text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  ::close(file);
  return text;
}
}  // namespace detail

/// Runs a program to its end and catches what it prints; `environment` (NAME=value) comes before this
/// process's own.
inline Finished run_process(std::vector<std::string> arguments, std::vector<std::string> environment = {},
                            const char* output = nullptr) {
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  const int out = ::memfd_create("out", MFD_CLOEXEC), err = ::memfd_create("err", MFD_CLOEXEC);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (output == nullptr)
    ::posix_spawn_file_actions_adddup2(&actions, out, 1);
  else
    ::posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, err, 2);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, arguments[0].c_str(), &actions, nullptr,
                                   detail::pointers(arguments).data(), detail::pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (failed == 0) ::waitpid(child, &status, 0);
  const int code = failed ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {.code = code, .out = detail::contents(out), .err = detail::contents(err)};
}

/// Runs the built `tandem`.
inline Finished run_tandem(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
  arguments.insert(arguments.begin(), TANDEM_BINARY_DIR "/tandem");
  return run_process(std::move(arguments), std::move(environment));
}

}  // namespace tandem::cli
