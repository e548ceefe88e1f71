// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/report_pipe.h"

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>

#include "tandem/base/error.h"
#include "tandem/launch/report_channel.h"

namespace tandem::launch {

ReportPipe::ReportPipe() : pipe_(make_pipe()) {
  // A rank must not wait for the launcher, nor the launcher for a rank.
  for (const Descriptor* end : {&pipe_.read_end, &pipe_.write_end})
    if (::fcntl(end->get(), F_SETFL, O_NONBLOCK) != 0)
      throw EnvironmentError("cannot set up a pipe: {}", std::strerror(errno));
}

void ReportPipe::describe(Variables& variables) const {
  struct stat status {};
  if (::fstat(write_descriptor(), &status) != 0)
    throw EnvironmentError("cannot look at a pipe: {}", std::strerror(errno));
  variables[kReportDescriptorVariable] = std::to_string(write_descriptor());
  variables[kReportPipeVariable] = std::to_string(status.st_ino);
}

std::vector<int64_t> ReportPipe::take() {
  std::array<char, 65536> bytes;
  const ssize_t size = ::read(descriptor(), bytes.data(), bytes.size());
  if (size <= 0) return {};
  unfinished_.append(bytes.data(), static_cast<size_t>(size));
  std::vector<int64_t> steps;
  size_t start = 0;
  for (size_t end; (end = unfinished_.find('\n', start)) != std::string::npos; start = end + 1)
    if (const auto step = parse_committed_step(std::string_view(unfinished_).substr(start, end - start)))
      steps.push_back(*step);
  unfinished_.erase(0, start);
  // Whoever writes without newlines is no rank that reports.
  if (unfinished_.size() > PIPE_BUF) unfinished_.clear();
  return steps;
}

}  // namespace tandem::launch
