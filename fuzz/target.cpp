// SPDX-License-Identifier: Apache-2.0
#include "fuzz/target.h"

#include <ctime>

#include "tandem/base/error.h"

namespace {

constexpr double kMostSeconds = 1;

// Of this process, so that a busy machine makes no input slow.
double processor_seconds() {
  std::timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const double begin = processor_seconds();
  tandem::fuzz::take(std::string(reinterpret_cast<const char*>(data), size));
  const double seconds = processor_seconds() - begin;
  TANDEM_CHECK(seconds <= kMostSeconds, "an input took {:.1f} s", seconds);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return tandem::fuzz::mutate(data, size, max_size, seed);
}
