// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/console.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <poll.h>
#include <unistd.h>

namespace tandem::launch {
namespace {

bool takes_bytes(int descriptor) {
  pollfd entry{.fd = descriptor, .events = POLLOUT};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL)) != 0;
}

observe::Terminal::Options terminal_options(OutputQueue& queue) {
  observe::Terminal::Options options{.write = [&queue](std::string_view bytes) { queue.append(bytes); }};
  if (queue.descriptor() == STDERR_FILENO) {
    // One cell of the terminal's columns is kept free there already.
    options.columns = [] { return observe::standard_error().columns() + 1; };
    options.style = observe::standard_error().style();
  }
  return options;
}

}  // namespace

void OutputQueue::append(std::string_view bytes) {
  if (broken_) return;
  if (empty()) drop();
  bytes_ += bytes;
}

void OutputQueue::drop() {
  bytes_.clear();
  start_ = 0;
}

void OutputQueue::write_some() {
  while (!empty() && takes_bytes(descriptor_)) {
    // A pipe that takes bytes takes PIPE_BUF of them without blocking, not more for sure.
    const size_t size = std::min<size_t>(bytes_.size() - start_, PIPE_BUF);
    const ssize_t written = ::write(descriptor_, bytes_.data() + start_, size);
    if (written > 0) {
      start_ += static_cast<size_t>(written);
    } else if (written < 0 && errno != EINTR && errno != EAGAIN) {
      broken_ = true;
      failure_ = errno == EPIPE ? 0 : errno;
      drop();
    } else {
      return;
    }
  }
}

Console::Console(Descriptors descriptors)
    : output_(descriptors.output),
      error_(descriptors.error),
      terminal_(terminal_options(error_)),
      output_is_terminal_(terminal_.redraws() && ::isatty(descriptors.output) == 1) {}

void Console::print(Stream stream, std::string_view line) {
  if (stream == Stream::kError || output_is_terminal_) {
    terminal_.print(line);
  } else {
    output_.append(line);
    output_.append("\n");
  }
}

void Console::show_status(std::string_view text) {
  if (text.empty())
    terminal_.clear_status();
  else
    terminal_.show_status(text);
}

}  // namespace tandem::launch
