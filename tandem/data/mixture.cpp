// SPDX-License-Identifier: Apache-2.0
#include "tandem/data/mixture.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "tandem/base/error.h"

namespace tandem::data {
namespace {

std::vector<double> normalised(const std::vector<double>& weights) {
  if (weights.empty()) throw InputError("a data mixture needs at least one source");
  for (const double weight : weights)
    if (!(std::isfinite(weight) && weight > 0))
      throw InputError("a data source has weight {}; weights must be positive numbers", weight);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> shares;
  for (const double weight : weights) shares.push_back(weight / sum);
  return shares;
}

// Returns the counts of a period of this length if they are whole numbers.
std::optional<std::vector<uint64_t>> exact_counts(const std::vector<double>& shares, uint64_t period) {
  std::vector<uint64_t> counts;
  for (const double share : shares) {
    const double count = share * static_cast<double>(period);
    const double whole = std::round(count);
    if (whole < 1 || std::abs(count - whole) > 1e-9 * count) return std::nullopt;
    counts.push_back(static_cast<uint64_t>(whole));
  }
  return counts;
}

// Largest remainders, so that the counts add up to the period.
std::vector<uint64_t> rounded_counts(const std::vector<double>& shares, uint64_t period) {
  std::vector<uint64_t> counts;
  std::vector<size_t> order(shares.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (const double share : shares)
    counts.push_back(static_cast<uint64_t>(share * static_cast<double>(period)));
  const auto rest = [&](size_t i) {
    return shares[i] * static_cast<double>(period) - static_cast<double>(counts[i]);
  };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rest(a) > rest(b); });
  const uint64_t given = std::accumulate(counts.begin(), counts.end(), uint64_t{0});
  for (size_t i = 0; given + i < period; ++i) ++counts[order[i % order.size()]];
  return counts;
}

std::vector<uint64_t> period_counts(const std::vector<double>& shares) {
  for (uint64_t period = shares.size(); period <= Mixture::kMaxPeriod; ++period)
    if (auto counts = exact_counts(shares, period)) return *counts;
  auto counts = rounded_counts(shares, Mixture::kMaxPeriod);
  if (std::find(counts.begin(), counts.end(), 0u) != counts.end())
    throw InputError("a data source has less than 1/{} of the weights; raise its weight or leave it out",
                     Mixture::kMaxPeriod);
  return counts;
}

}  // namespace

Mixture::Mixture(const std::vector<double>& weights) : counts_(period_counts(normalised(weights))) {
  const auto period = std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
  std::vector<uint64_t> drawn(counts_.size(), 0);
  for (uint64_t sample = 0; sample < period; ++sample) {
    // Deficits times the period, in whole numbers. The largest is positive, as they sum to the period; so no
    // count passes its ideal by one, and at the end of the period all are met exactly.
    size_t best = 0;
    int64_t best_deficit = INT64_MIN;
    for (size_t source = 0; source < counts_.size(); ++source) {
      const auto deficit =
          static_cast<int64_t>(counts_[source] * (sample + 1)) - static_cast<int64_t>(drawn[source] * period);
      if (deficit > best_deficit) best = source, best_deficit = deficit;
    }
    sources_.push_back(static_cast<uint32_t>(best));
    indices_.push_back(static_cast<uint32_t>(drawn[best]++));
  }
}

MixtureDraw Mixture::operator()(uint64_t sample) const {
  const uint64_t round = sample / period();
  const uint64_t place = sample % period();
  const uint32_t source = sources_[place];
  return {.source = source, .index = round * counts_[source] + indices_[place]};
}

std::vector<uint64_t> Mixture::counts_before(uint64_t sample) const {
  std::vector<uint64_t> counts;
  for (const uint64_t count : counts_) counts.push_back(sample / period() * count);
  for (uint64_t place = 0; place < sample % period(); ++place) ++counts[sources_[place]];
  return counts;
}

double Mixture::share(uint32_t source) const {
  return static_cast<double>(counts_.at(source)) / static_cast<double>(period());
}

}  // namespace tandem::data
