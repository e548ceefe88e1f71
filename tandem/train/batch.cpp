// SPDX-License-Identifier: Apache-2.0
#include "tandem/train/batch.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "tandem/base/error.h"

namespace tandem::train {

namespace {

// Copies ids to the row's positions from `first` on.
void put(at::Tensor& ids_BT, size_t row, size_t first, const std::vector<int32_t>& ids, size_t count) {
  int64_t* out =
      ids_BT.data_ptr<int64_t>() + static_cast<int64_t>(row) * ids_BT.size(1) + static_cast<int64_t>(first);
  std::copy_n(ids.begin(), count, out);
}

}  // namespace

model::Batch make_batch(const std::vector<data::Sample>& samples, int64_t first_row,
                        const data::SpecialIds& ids) {
  TANDEM_CHECK(!samples.empty());
  size_t longest_source = 1, longest_target = 1;
  for (const data::Sample& sample : samples) {
    TANDEM_CHECK(!sample.source.empty(), "sample {} has no source", sample.id);
    longest_source = std::max(longest_source, sample.source.size());
    longest_target = std::max(longest_target, sample.target.size());
  }
  const auto rows = static_cast<int64_t>(samples.size());
  model::Batch batch{
      .source_BS = at::full({rows, static_cast<int64_t>(longest_source)}, ids.pad, at::kLong),
      .source_lengths = at::empty({rows}, at::kLong),
      .decoder_BT = at::full({rows, static_cast<int64_t>(longest_target)}, ids.pad, at::kLong),
      .labels_BT = at::full({rows, static_cast<int64_t>(longest_target)}, model::Batch::kNoLabel, at::kLong),
      .rows = at::arange(first_row, first_row + rows, at::kLong)};
  for (size_t row = 0; row < samples.size(); ++row) {
    const auto& [source, target, id] = samples[row];
    batch.source_lengths.data_ptr<int64_t>()[row] = static_cast<int64_t>(source.size());
    put(batch.source_BS, row, 0, source, source.size());
    put(batch.labels_BT, row, 0, target, target.size());
    if (!target.empty()) put(batch.decoder_BT, row, 1, target, target.size() - 1);
  }
  return batch;
}

}  // namespace tandem::train
