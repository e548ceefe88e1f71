// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/source_names.h"

#include <algorithm>
#include <functional>

namespace tandem::train {

SourceNames source_names(const data::DataConfig& data) {
  SourceNames result;
  std::vector<std::string>& names = result.names;
  const auto place = [&](const std::string& name) {
    const auto found = std::find(names.begin(), names.end(), name);
    const auto index = static_cast<size_t>(found - names.begin());
    if (found == names.end()) names.push_back(name);
    return index;
  };
  for (const WeightedPath& source : data.train) result.train.push_back(place(source.name_or_path()));
  for (const WeightedPath& source : data.validation)
    result.validation.push_back(place(source.name_or_path()));
  return result;
}

bool SourceNames::several() const {
  const auto differ = [](const std::vector<size_t>& places) {
    return std::ranges::adjacent_find(places, std::ranges::not_equal_to()) != places.end();
  };
  return differ(train) || differ(validation);
}

}  // namespace tandem::train
