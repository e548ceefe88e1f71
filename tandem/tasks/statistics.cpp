// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/statistics.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <set>

#include "tandem/base/utf8.h"
#include "tandem/tasks/span.h"

namespace tandem::tasks {
namespace {

Lengths lengths_of(const Rows& rows) {
  std::vector<int64_t> lengths;
  for (const Row& row : rows.rows) {
    int64_t length = 0;
    for (const std::string& value : row.values) length += num_characters(value);
    lengths.push_back(length);
  }
  if (lengths.empty()) return {};
  std::ranges::sort(lengths);
  const size_t n = lengths.size();
  return {.median = static_cast<double>(lengths[(n - 1) / 2] + lengths[n / 2]) / 2,
          .percentile_99 = lengths[(n * 99 + 99) / 100 - 1],
          .longest = lengths.back()};
}

int64_t num_repeated_ids(const Rows& rows) {
  std::map<std::string, int64_t> counts;
  for (const Row& row : rows.rows)
    if (!row.id.empty()) ++counts[row.id];
  return std::ranges::count_if(counts, [](const auto& count) { return count.second > 1; });
}

int64_t num_shared(const std::set<std::string>& a, const std::set<std::string>& b) {
  std::vector<std::string> both;
  std::ranges::set_intersection(a, b, std::back_inserter(both));
  return static_cast<int64_t>(both.size());
}

}  // namespace

double FileFigures::majority() const {
  const int64_t sum = std::accumulate(labels.begin(), labels.end(), int64_t{0});
  return sum == 0 ? 0 : static_cast<double>(std::ranges::max(labels)) / static_cast<double>(sum);
}

FileFigures figures_of(const Task& task, FileRole role, const Rows& rows) {
  FileFigures figures{.rows = static_cast<int64_t>(rows.rows.size()),
                      .texts = static_cast<int64_t>(rows.texts().size()),
                      .repeated_ids = num_repeated_ids(rows),
                      .labels = {},
                      .lengths = lengths_of(rows)};
  if (!has_answers(role)) return figures;
  figures.labels.assign(task.num_classes(), 0);
  for (const Row& row : rows.rows) ++figures.labels.at(row.label.value());
  return figures;
}

std::vector<Overlap> overlaps_in(TaskData& data) {
  std::vector<std::string> files;
  for (const TaskFile& file : data.task().files)
    if (data.has(file)) files.push_back(file.name);
  std::vector<Overlap> overlaps;
  for (size_t a = 0; a < files.size(); ++a)
    for (size_t b = a + 1; b < files.size(); ++b)
      if (const int64_t texts = num_shared(data.texts(files[a]), data.texts(files[b])); texts > 0)
        overlaps.push_back({.first = files[a], .second = files[b], .texts = texts});
  return overlaps;
}

}  // namespace tandem::tasks
