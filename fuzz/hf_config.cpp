// SPDX-License-Identifier: Apache-2.0
// An input is the config.json of a model of Transformers.
#include <string>

#include "fuzz/json_mutator.h"
#include "fuzz/scratch_folder.h"
#include "fuzz/target.h"
#include "tandem/base/error.h"
#include "tandem/interop/t5_config.h"

namespace {

using tandem::interop::T5Config;

void read(const tandem::fuzz::ScratchFolder& folder, const std::string& text) {
  folder.write("config.json", text);
  T5Config config;
  try {
    config = tandem::interop::read_t5_config(folder.path());
  } catch (const tandem::InputError&) {
    return;
  }
  // What goes out again comes in as the same model.
  const tandem::data::SpecialIds ids{.pad = config.pad, .eos = config.eos};
  folder.write("config.json",
               tandem::interop::t5_config_json(config.model, ids, tandem::checkpoint::DataType::kF32).dump());
  const T5Config again = tandem::interop::read_t5_config(folder.path());
  TANDEM_CHECK(again.model == config.model && again.pad == config.pad && again.eos == config.eos,
               "another model");
}

}  // namespace

void tandem::fuzz::take(const std::string& input) {
  static const tandem::fuzz::ScratchFolder folder;
  read(folder, input);
}

size_t tandem::fuzz::mutate(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return mutate_json(data, size, max_size, seed);
}
