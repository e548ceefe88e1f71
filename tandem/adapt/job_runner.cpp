// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/job_runner.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <list>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tandem/base/atomic_file.h"
#include "tandem/base/descriptor.h"
#include "tandem/base/error.h"
#include "tandem/launch/signal_source.h"

namespace tandem::adapt {
namespace {

namespace fs = std::filesystem;

Descriptor open_for_writing(const fs::path& path, int flags) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666));
  if (file.get() < 0) throw EnvironmentError("{}: {}", path.string(), std::strerror(errno));
  return file;
}

// A job whose step runs.
class RunningJob {
 public:
  RunningJob(const RunnableJob& job, const RunnerOptions& options, const launch::SignalSource& signals)
      : job_(job), options_(options), signals_(signals) {
    fs::create_directories(job.job.folder);
    start();
  }

  const Job& job() const { return job_.job; }
  pid_t process() const { return process_; }

  /// Takes over that the step's process ended; starts the next. Returns whether the job goes on.
  bool step_ended(int status) {
    failed_ = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (failed_) return false;
    publish_output();
    if (++step_ == job_.steps.size()) return false;
    start();
    return true;
  }
  bool failed() const { return failed_; }

 private:
  fs::path unfinished() const { return job_.steps[step_].output.string() + ".partial"; }

  // A result is there whole or not at all.
  void publish_output() const {
    const fs::path& output = job_.steps[step_].output;
    if (output.empty()) return;
    write_file_atomically(output.string(), read_file(unfinished().string()));
    fs::remove(unfinished());
  }

  void start() {
    const JobStep& step = job_.steps[step_];
    const Descriptor log = open_for_writing(job_.job.folder / "log.txt", O_APPEND);
    const Descriptor output =
        step.output.empty() ? Descriptor(::dup(log.get())) : open_for_writing(unfinished(), O_TRUNC);
    std::vector<char*> arguments{const_cast<char*>("tandem")};
    for (const std::string& argument : step.arguments)
      arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const std::string threads = std::to_string(options_.threads);
    process_ = ::fork();
    if (process_ < 0) throw EnvironmentError("cannot start a process: {}", std::strerror(errno));
    if (process_ == 0) run(arguments, threads, log, output);
  }

  [[noreturn]] void run(const std::vector<char*>& arguments, const std::string& threads,
                        const Descriptor& log, const Descriptor& output) const {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    // Signals reach it through its parent alone, once.
    ::setpgid(0, 0);
    signals_.restore();
    ::dup2(output.get(), STDOUT_FILENO);
    ::dup2(log.get(), STDERR_FILENO);
    ::setenv("OMP_NUM_THREADS", threads.c_str(), 0);
    ::execv(options_.program.c_str(), arguments.data());
    ::_exit(127);
  }

  const RunnableJob& job_;
  const RunnerOptions& options_;
  const launch::SignalSource& signals_;
  size_t step_ = 0;
  pid_t process_ = -1;
  bool failed_ = false;
};

class Runner {
 public:
  Runner(const std::vector<RunnableJob>& jobs, const RunnerOptions& options)
      : jobs_(jobs), options_(options) {}

  std::vector<std::string> run() {
    while (true) {
      while (running_.size() < options_.parallel && next_ < jobs_.size() && !stopping_)
        running_.emplace_back(jobs_[next_++], options_, signals_);
      if (running_.empty()) break;
      await_signals();
    }
    if (stopping_)
      throw EnvironmentError("interrupted: {} of {} jobs are left; the same command goes on with them",
                             jobs_.size() - num_ended_, jobs_.size());
    return failed_;
  }

 private:
  void await_signals() {
    pollfd waiting{.fd = signals_.descriptor(), .events = POLLIN, .revents = 0};
    while (::poll(&waiting, 1, -1) < 0)
      if (errno != EINTR) throw EnvironmentError("poll: {}", std::strerror(errno));
    for (const int signal : signals_.take())
      if (signal != SIGCHLD) {
        stopping_ = true;
        for (const RunningJob& job : running_) ::kill(job.process(), SIGTERM);
      }
    reap();
  }

  void reap() {
    for (auto job = running_.begin(); job != running_.end();) {
      int status = 0;
      if (::waitpid(job->process(), &status, WNOHANG) != job->process() ||
          (!stopping_ && job->step_ended(status))) {
        ++job;
        continue;
      }
      if (!stopping_) end(*job);
      job = running_.erase(job);
    }
  }

  void end(const RunningJob& job) {
    ++num_ended_;
    if (job.failed()) failed_.push_back(job.job().name());
    if (options_.ended) options_.ended(job.job(), !job.failed());
  }

  const std::vector<RunnableJob>& jobs_;
  const RunnerOptions& options_;
  launch::SignalSource signals_;
  std::list<RunningJob> running_;
  std::vector<std::string> failed_;
  size_t next_ = 0, num_ended_ = 0;
  bool stopping_ = false;
};

}  // namespace

std::vector<std::string> run_jobs(const std::vector<RunnableJob>& jobs, const RunnerOptions& options) {
  return Runner(jobs, options).run();
}

}  // namespace tandem::adapt
