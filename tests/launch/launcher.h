// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tandem::launch {

/// Reads a whole file; empty if there is none.
inline std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Polls until `condition` holds; false if it still does not after `deadline`.
inline bool await(const std::function<bool()>& condition,
                  std::chrono::milliseconds deadline = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// Says whether a process runs; a zombie that waits for its parent does not.
inline bool runs(pid_t pid) {
  const std::string status = contents("/proc/" + std::to_string(pid) + "/stat");
  const size_t name_end = status.rfind(')');
  return name_end != std::string::npos && status.at(name_end + 2) != 'Z';
}

/// A folder that is gone with the test.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "tandem_launch.XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  bool has(const std::string& name) const { return !contents(*this / name).empty(); }
  pid_t pid(const std::string& name) const { return static_cast<pid_t>(std::stoi(contents(*this / name))); }

 private:
  std::string path_;
};

/// Where a launcher writes; -1: to a file.
struct Streams {
  int output = -1, error = -1;
};

/// A running `tandem launch` whose output goes to files. Ranks find the test's folder as $F.
class Launcher {
 public:
  explicit Launcher(const Folder& folder, std::vector<std::string> arguments,
                    std::vector<std::string> environment = {}, Streams streams = {},
                    std::vector<std::string> command = {TANDEM_BINARY_DIR "/tandem", "launch"})
      : folder_(folder) {
    command.insert(command.end(), arguments.begin(), arguments.end());
    environment.push_back("F=" + (folder / ""));
    for (char** entry = ::environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    redirect(actions, streams.output, 1, folder / "output");
    redirect(actions, streams.error, 2, folder / "error");
    const int failed = ::posix_spawn(&pid_, command[0].c_str(), &actions, nullptr, pointers(command).data(),
                                     pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error("cannot start " + command[0]);
  }
  ~Launcher() {
    if (!code_) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
  }
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  void send(int signal) const { ::kill(pid_, signal); }
  pid_t pid() const { return pid_; }

  /// Says whether it has ended.
  bool ended() {
    int status = 0;
    if (!code_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
      code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code_.has_value();
  }
  /// Waits for its end and returns its exit code, 128 + the signal that killed it, or -1 if it never ends.
  int wait() {
    await([&] { return ended(); }, std::chrono::seconds(60));
    return code_.value_or(-1);
  }
  std::string output() const { return contents(folder_ / "output"); }
  std::string error() const { return contents(folder_ / "error"); }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (std::string& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
  }
  static void redirect(posix_spawn_file_actions_t& actions, int from, int to, const std::string& path) {
    if (from >= 0)
      ::posix_spawn_file_actions_adddup2(&actions, from, to);
    else
      ::posix_spawn_file_actions_addopen(&actions, to, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  }

  const Folder& folder_;
  pid_t pid_ = 0;
  std::optional<int> code_;
};

}  // namespace tandem::launch
