// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/host.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <string_view>

#include <sched.h>
#include <unistd.h>

namespace tandem::observe {
namespace {

/// Returns what follows `key` and a colon in a file of such lines, or nothing.
std::string value_after(const char* path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const size_t start = line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

// Not getrusage: its maximum survives exec, so a child would report its parent's.
int64_t status_bytes(std::string_view key) {
  const std::string text = value_after("/proc/self/status", key);
  int64_t kibibytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), kibibytes);
  return kibibytes * 1024;
}

}  // namespace

int64_t resident_bytes() { return status_bytes("VmRSS"); }

int64_t peak_resident_bytes() { return status_bytes("VmHWM"); }

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

std::string processor_name() {
  const std::string name = value_after("/proc/cpuinfo", "model name");
  return name.empty() ? "unknown processor" : name;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return std::string(name.data()).substr(0, std::string_view(name.data()).find('.'));
}

}  // namespace tandem::observe
