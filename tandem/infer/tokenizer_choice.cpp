// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/tokenizer_choice.h"

#include <utility>

#include "tandem/base/error.h"
#include "tandem/checkpoint/step_folders.h"

namespace tandem::infer {

std::optional<ChosenTokenizer> choose_tokenizer(const checkpoint::StepReader& reader,
                                                const std::string& given, const data::SpecialIds& ids) {
  const std::string path =
      given.empty() ? checkpoint::beside_step(reader.folder(), "tokenizer.model").string() : given;
  if (path.empty()) return std::nullopt;
  ChosenTokenizer chosen{.tokenizer = data::Tokenizer::load(path), .path = path, .warning = {}};
  const auto& facts = reader.manifest().description.tokenizer;
  if (facts && !facts->hash.empty() && facts->hash != chosen.tokenizer.hash()) {
    if (given.empty())
      throw InputError(
          "{} is not the tokenizer that the checkpoint was trained with; give it with --tokenizer", path);
    chosen.warning = path + " is not the tokenizer that the checkpoint was trained with";
  }
  if (facts) {
    data::SpecialIds known = ids;
    known.unk = chosen.tokenizer.ids().unk;
    chosen.tokenizer = chosen.tokenizer.with_ids(known);
  }
  return chosen;
}

}  // namespace tandem::infer
