// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/rank_process.h"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/launch/pipe.h"

namespace tandem::launch {
namespace {

bool is_program(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

/// Everything the child needs, laid out before the fork: there it must not allocate.
struct Start {
  const char* path;
  std::vector<char*> arguments, variables;
  pid_t parent;
  int input, output, error, failure, inherited;
};

[[noreturn]] void run_child(const Start& start, const SignalSource& signals) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The launcher may have died before the line above took effect.
  if (::getppid() != start.parent) ::_exit(127);
  signals.restore();
  if (::fcntl(start.inherited, F_SETFD, 0) == 0 && ::dup2(start.input, 0) == 0 &&
      ::dup2(start.output, 1) == 1 && ::dup2(start.error, 2) == 2)
    ::execve(start.path, start.arguments.data(), start.variables.data());
  const int error = errno;
  // Nothing can be done where even this fails: the parent sees exit code 127.
  [[maybe_unused]] const ssize_t written = ::write(start.failure, &error, sizeof(error));
  ::_exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

/// Waits until the child has executed its program; returns errno of the failure, 0 if there was none.
int await_execution(const Descriptor& failure) {
  int error = 0;
  ssize_t size = 0;
  do {
    size = ::read(failure.get(), &error, sizeof(error));
  } while (size < 0 && errno == EINTR);
  return size == sizeof(error) ? error : 0;
}

[[noreturn]] void fail_to_execute(const std::string& path, int error) {
  const bool is_no_program = error == ENOEXEC || error == EINVAL || error == ELIBBAD || error == E2BIG;
  const std::string message = fmt::format("command '{}' cannot be executed: {}", path, std::strerror(error));
  if (is_no_program || is_user_mistake(error)) throw InputError("{}", message);
  throw EnvironmentError("{}", message);
}

}  // namespace

std::string find_program(const std::string& command, const Variables& variables) {
  if (command.find('/') != std::string::npos) {
    if (is_program(command)) return command;
    throw InputError("command '{}' is no executable file", command);
  }
  const auto found = variables.find("PATH");
  std::string_view folders = found != variables.end() ? std::string_view(found->second) : "/usr/bin:/bin";
  while (!command.empty() && !folders.empty()) {
    const size_t colon = folders.find(':');
    const std::string_view folder = folders.substr(0, colon);
    std::string path = (folder.empty() ? "." : std::string(folder)) + "/" + command;
    if (is_program(path)) return path;
    folders.remove_prefix(colon == std::string_view::npos ? folders.size() : colon + 1);
  }
  throw InputError("command '{}' is not found: it is no command of tandem and no program in PATH", command);
}

RankProcess start_process(const Program& program, const Variables& variables, const SignalSource& signals,
                          int inherited) {
  Pipe output = make_pipe(), error = make_pipe(), failure = make_pipe();
  const Descriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::vector<std::string> arguments = program.arguments, assignments;
  for (const auto& [name, value] : variables) assignments.push_back(fmt::format("{}={}", name, value));
  const Start start{.path = program.path.c_str(),
                    .arguments = pointers(arguments),
                    .variables = pointers(assignments),
                    .parent = ::getpid(),
                    .input = input.get(),
                    .output = output.write_end.get(),
                    .error = error.write_end.get(),
                    .failure = failure.write_end.get(),
                    .inherited = inherited};
  const pid_t pid = ::fork();
  if (pid < 0) throw EnvironmentError("cannot start a process: {}", std::strerror(errno));
  if (pid == 0) run_child(start, signals);
  // Both sides do it, so that the group exists for either from here on.
  ::setpgid(pid, pid);
  failure.write_end.reset();
  if (const int code = await_execution(failure.read_end); code != 0) {
    ::waitpid(pid, nullptr, 0);
    fail_to_execute(program.path, code);
  }
  for (const Descriptor* end : {&output.read_end, &error.read_end}) ::fcntl(end->get(), F_SETFL, O_NONBLOCK);
  return {.pid = pid, .output = std::move(output.read_end), .error = std::move(error.read_end)};
}

}  // namespace tandem::launch
