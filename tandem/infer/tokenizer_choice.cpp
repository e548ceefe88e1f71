// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/tokenizer_choice.h"

#include <filesystem>
#include <utility>

#include "tandem/base/error.h"

namespace tandem::infer {

namespace {

namespace fs = std::filesystem;

std::string path_beside(const fs::path& step_folder) {
  // A trailing slash would count as a folder of its own.
  fs::path folder = fs::absolute(step_folder / "").lexically_normal().parent_path();
  for (int above = 0; above < 3; ++above, folder = folder.parent_path()) {
    std::error_code ignored;
    if (fs::exists(folder / "tokenizer.model", ignored)) return folder / "tokenizer.model";
  }
  return {};
}

}  // namespace

std::optional<ChosenTokenizer> choose_tokenizer(const checkpoint::StepReader& reader,
                                                const std::string& given, const data::SpecialIds& ids) {
  const std::string path = given.empty() ? path_beside(reader.folder()) : given;
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
