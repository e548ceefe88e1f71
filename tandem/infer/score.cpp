// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/score.h"

#include <ATen/ATen.h>

#include "tandem/base/error.h"
#include "tandem/infer/decoding.h"

namespace tandem::infer {

std::vector<std::vector<double>> score(const LoadedModel& loaded, const std::vector<ScoreRequest>& requests) {
  std::vector<Ids> sources, targets, read;
  for (const ScoreRequest& request : requests) {
    check_ids(loaded, request.target, "target");
    if (request.target.empty()) throw InputError("the target is empty; give at least one token");
    sources.push_back(request.source);
    targets.push_back(request.target);
    read.push_back({loaded.ids().pad});
    read.back().insert(read.back().end(), request.target.begin(), request.target.end() - 1);
  }
  if (requests.empty()) return {};
  Decoding decoding(loaded, encode(loaded, sources));
  const at::Tensor targets_BT = padded(targets, loaded.ids().pad);
  const at::Tensor all_BTV = decoding.read(padded(read, loaded.ids().pad));
  const at::Tensor picked_BT = all_BTV.gather(2, targets_BT.unsqueeze(2)).squeeze(2);
  std::vector<std::vector<double>> scores;
  for (size_t row = 0; row < targets.size(); ++row)
    scores.push_back(values_of(
        picked_BT[static_cast<int64_t>(row)].narrow(0, 0, static_cast<int64_t>(targets[row].size()))));
  return scores;
}

}  // namespace tandem::infer
