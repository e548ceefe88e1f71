// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/greedy.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "tandem/base/error.h"
#include "tandem/infer/decoding.h"

namespace tandem::infer {

namespace {

// Takes one step of every row that has not ended; returns what the decoder reads next.
std::vector<Ids> take_likeliest(std::vector<Generated>& rows, const at::Tensor& log_probabilities_BV,
                                const data::SpecialIds& ids) {
  const std::vector<double> values = values_of(log_probabilities_BV);
  const auto vocabulary = static_cast<size_t>(log_probabilities_BV.size(1));
  std::vector<Ids> next;
  for (size_t row = 0; row < rows.size(); ++row) {
    Generated& generated = rows[row];
    const bool ended = !generated.ids.empty() && generated.ids.back() == ids.eos;
    if (!ended) {
      const std::span of_row = std::span(values).subspan(row * vocabulary, vocabulary);
      generated.ids.push_back(index_of_largest(of_row));
      generated.log_probabilities.push_back(of_row[static_cast<size_t>(generated.ids.back())]);
    }
    next.push_back({ended ? ids.pad : generated.ids.back()});
  }
  return next;
}

}  // namespace

std::vector<Generated> generate_greedy(const LoadedModel& loaded, const std::vector<Ids>& sources,
                                       int64_t max_new_tokens) {
  TANDEM_CHECK(max_new_tokens >= 1, "max_new_tokens is {}", max_new_tokens);
  const data::SpecialIds& ids = loaded.ids();
  std::vector<Generated> rows(sources.size());
  if (rows.empty()) return rows;
  Decoding decoding(loaded, encode(loaded, sources));
  std::vector<Ids> next(rows.size(), {ids.pad});
  for (int64_t taken = 0; taken < max_new_tokens; ++taken) {
    next = take_likeliest(rows, decoding.read(padded(next, ids.pad)).select(1, 0), ids);
    if (std::ranges::all_of(rows, [&](const Generated& row) { return row.ids.back() == ids.eos; })) break;
  }
  return rows;
}

}  // namespace tandem::infer
