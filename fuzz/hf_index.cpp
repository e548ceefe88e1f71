// SPDX-License-Identifier: Apache-2.0
// An input is the model.safetensors.index.json of a folder with two small files of weights.
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "fuzz/json_mutator.h"
#include "fuzz/scratch_folder.h"
#include "fuzz/target.h"
#include "tandem/base/error.h"
#include "tandem/checkpoint/safetensors_header.h"
#include "tandem/interop/hf_weights.h"

namespace {

// Two tensors of two bytes a file.
class Shards : public tandem::fuzz::ScratchFolder {
 public:
  Shards() {
    write_shard("a.safetensors", {"w", "x"});
    write_shard("b.safetensors", {"y", "z"});
  }

 private:
  void write_shard(const char* name, const std::array<const char*, 2>& tensors) const {
    std::vector<tandem::checkpoint::SafetensorsTensor> table;
    for (const char* tensor : tensors) table.push_back({.name = tensor, .type = "F16", .shape = {1}});
    write(name, tandem::checkpoint::safetensors_header_text({}, table) + "0123");
  }
};

}  // namespace

void tandem::fuzz::take(const std::string& input) {
  static const Shards folder;
  folder.write("model.safetensors.index.json", input);
  try {
    const auto weights = tandem::interop::HfWeights::open(folder.path());
    // It took just what the files that it lists hold.
    TANDEM_CHECK(weights.tensors().size() == 2 || weights.tensors().size() == 4, "{} tensors",
                 weights.tensors().size());
  } catch (const tandem::InputError&) {
    return;
  }
}

size_t tandem::fuzz::mutate(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return mutate_json(data, size, max_size, seed);
}
