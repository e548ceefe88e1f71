// SPDX-License-Identifier: Apache-2.0
// An input is a run's configuration.
#include "tandem/train/run_config.h"

#include <string>

#include "fuzz/json_mutator.h"
#include "tandem/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace train = tandem::train;
  train::RunConfig config;
  try {
    config = train::resolve_run_config({.name = "config.json",
                                        .text = std::string(reinterpret_cast<const char*>(data), size),
                                        .sets = {}})
                 .config;
  } catch (const tandem::InputError&) {
    return 0;
  }
  const auto again =
      train::resolve_run_config({.name = "written", .text = train::run_config_json(config), .sets = {}});
  TANDEM_CHECK(again.config == config, "written and read it is another one");
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return tandem::fuzz::mutate_json(data, size, max_size, seed);
}
