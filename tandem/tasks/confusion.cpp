// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/confusion.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tandem::tasks {
namespace {

double share(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

int64_t Confusion::labelled(size_t label) const {
  return std::accumulate(counts_[label].begin(), counts_[label].end(), int64_t{0});
}

int64_t Confusion::answered(size_t answer) const {
  int64_t sum = 0;
  for (const std::vector<int64_t>& row : counts_) sum += row[answer];
  return sum;
}

int64_t Confusion::samples() const {
  int64_t sum = 0;
  for (size_t label = 0; label < num_classes(); ++label) sum += labelled(label);
  return sum;
}

double Confusion::accuracy() const {
  int64_t right = 0;
  for (size_t label = 0; label < num_classes(); ++label) right += counts_[label][label];
  return share(right, samples());
}

double Confusion::standard_error() const {
  const double p = accuracy();
  return samples() == 0 ? 0 : std::sqrt(p * (1 - p) / static_cast<double>(samples()));
}

double Confusion::macro_f1() const {
  double sum = 0;
  int64_t classes = 0;
  for (size_t label = 0; label < num_classes(); ++label) {
    const int64_t occurrences = labelled(label) + answered(label);
    if (occurrences == 0) continue;
    sum += share(2 * counts_[label][label], occurrences);
    ++classes;
  }
  return classes == 0 ? 0 : sum / static_cast<double>(classes);
}

double Confusion::majority() const {
  int64_t most = 0;
  for (size_t label = 0; label < num_classes(); ++label) most = std::max(most, labelled(label));
  return share(most, samples());
}

}  // namespace tandem::tasks
