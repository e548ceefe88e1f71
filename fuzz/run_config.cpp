// SPDX-License-Identifier: Apache-2.0
// An input is a run's configuration.
#include "tandem/train/run_config.h"

#include <string>

#include "fuzz/json_mutator.h"
#include "fuzz/target.h"
#include "tandem/base/error.h"

void tandem::fuzz::take(const std::string& input) {
  namespace train = tandem::train;
  train::RunConfig config;
  try {
    config = train::resolve_run_config({.name = "config.json", .text = input, .sets = {}}).config;
  } catch (const tandem::InputError&) {
    return;
  }
  const auto again =
      train::resolve_run_config({.name = "written", .text = train::run_config_json(config), .sets = {}});
  TANDEM_CHECK(again.config == config, "written and read it is another one");
}

size_t tandem::fuzz::mutate(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return mutate_json(data, size, max_size, seed);
}
