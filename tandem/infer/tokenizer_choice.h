// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "tandem/checkpoint/reader.h"
#include "tandem/data/special_ids.h"
#include "tandem/data/tokenizer.h"

namespace tandem::infer {

/// The tokenizer that a checkpoint's texts are read and written with.
struct ChosenTokenizer {
  data::Tokenizer tokenizer;
  std::string path;
  /// What the user should know: a given tokenizer that is not the one the model was trained with.
  std::string warning;
};

/// Returns the tokenizer at `given`, or if that is empty the tokenizer.model of the run that the step belongs
/// to (in the step's folder or up to two above), or nothing where there is none. It has the model's special
/// ids `ids`. InputError where the file is no tokenizer, or the run's is not the one in the manifest.
std::optional<ChosenTokenizer> choose_tokenizer(const checkpoint::StepReader& reader,
                                                const std::string& given, const data::SpecialIds& ids);

}  // namespace tandem::infer
