// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/difference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include <fmt/ranges.h>

#include "tandem/base/thread_team.h"

namespace tandem::checkpoint {

namespace {

constexpr int64_t kElementsAtOnce = int64_t{1} << 18;

// A stretch of one role of one tensor, or all of it.
struct Stretch {
  size_t tensor = 0;  // in the result
  size_t role = 0;
  layout::BoxRange range;
};

RoleDifference difference_of(std::span<const double> a, std::span<const double> b) {
  RoleDifference result;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    const double difference = std::abs(a[i] - b[i]);
    result.max_abs_difference =
        std::max(result.max_abs_difference,
                 std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference);
    ++result.elements;
  }
  return result;
}

class Comparison {
 public:
  Comparison(const StepReader& a, const StepReader& b) : a_(a), b_(b) {
    for (const StoredRole& role : a.manifest().description.roles)
      if (b.manifest().find_role(role.role))
        roles_.push_back(role.role);
      else
        result_.roles_of_one.emplace_back(name_of(role.role));
    for (const StoredRole& role : b.manifest().description.roles)
      if (!a.manifest().find_role(role.role)) result_.roles_of_one.emplace_back(name_of(role.role));
    match();
  }

  Difference run(int threads, const ByteProgress& progress) {
    run_on_threads(threads, [&](size_t) {
      std::vector<double> of_a, of_b;
      while (const std::optional<Stretch> stretch = take()) {
        read(a_, *stretch, of_a);
        read(b_, *stretch, of_b);
        const RoleDifference found = difference_of(of_a, of_b);
        const std::lock_guard lock(mutex_);
        RoleDifference& role = result_.tensors[stretch->tensor].roles[stretch->role];
        role.max_abs_difference = std::max(role.max_abs_difference, found.max_abs_difference);
        role.elements += found.elements;
        done_ += stretch->range.count;
        if (progress) progress(done_ * kBytes, total_ * kBytes);
      }
    });
    return std::move(result_);
  }

 private:
  static constexpr int64_t kBytes = sizeof(double);

  void match() {
    std::map<std::string_view, const StoredTensor*> others;
    for (const StoredTensor& tensor : b_.manifest().tensors) others[tensor.name] = &tensor;
    for (const StoredTensor& tensor : a_.manifest().tensors) {
      TensorDifference& entry =
          result_.tensors.emplace_back(TensorDifference{.name = tensor.name, .problem = {}, .roles = {}});
      const auto other = others.find(tensor.name);
      if (other == others.end()) {
        entry.problem = "only in the first";
      } else if (other->second->shape != tensor.shape) {
        entry.problem = fmt::format("[{}] in the first, [{}] in the second", fmt::join(tensor.shape, ", "),
                                    fmt::join(other->second->shape, ", "));
      } else {
        for (const Role role : roles_) entry.roles.push_back({.role = role});
        add_whole(result_.tensors.size() - 1, tensor.shape);
      }
      if (other != others.end()) others.erase(other);
    }
    for (const StoredTensor& tensor : b_.manifest().tensors)
      if (others.contains(tensor.name))
        result_.tensors.push_back({.name = tensor.name, .problem = "only in the second", .roles = {}});
  }

  void add_whole(size_t tensor, const layout::Shape& shape) {
    const layout::Slice whole = layout::whole(shape);
    const int64_t elements = whole.num_elements();
    if (elements == 0) return;
    for (size_t role = 0; role < roles_.size(); ++role) {
      wholes_.push_back(
          {.tensor = tensor, .role = role, .range = {.box = whole, .begin = 0, .count = elements}});
      total_ += elements;
    }
  }

  // Returns the next stretch to compare, until there is none. They are too many to be listed.
  std::optional<Stretch> take() {
    const std::lock_guard lock(mutex_);
    if (current_ == wholes_.size()) return std::nullopt;
    const Stretch& whole = wholes_[current_];
    Stretch stretch = whole;
    stretch.range.begin = taken_;
    stretch.range.count = std::min(kElementsAtOnce, whole.range.count - taken_);
    taken_ += stretch.range.count;
    if (taken_ == whole.range.count) {
      ++current_;
      taken_ = 0;
    }
    return stretch;
  }

  void read(const StepReader& step, const Stretch& stretch, std::vector<double>& values) const {
    values.resize(static_cast<size_t>(stretch.range.count));
    const StepReader::Request request{.tensor = result_.tensors[stretch.tensor].name,
                                      .role = roles_[stretch.role],
                                      .range = stretch.range,
                                      .type = DataType::kF64,
                                      .out = std::as_writable_bytes(std::span(values))};
    step.read(std::span(&request, 1));
  }

  const StepReader &a_, &b_;
  std::vector<Role> roles_;  // that both have
  std::vector<Stretch> wholes_;
  std::mutex mutex_;
  size_t current_ = 0;  // whole of which the next stretch is
  int64_t taken_ = 0;   // elements of it
  Difference result_;
  int64_t done_ = 0, total_ = 0;
};

}  // namespace

bool TensorDifference::is_equal() const {
  return problem.empty() &&
         std::ranges::all_of(roles, [](const RoleDifference& role) { return role.elements == 0; });
}

double TensorDifference::max_abs_difference() const {
  double most = 0;
  for (const RoleDifference& role : roles) most = std::max(most, role.max_abs_difference);
  return most;
}

bool Difference::is_equal() const {
  return roles_of_one.empty() &&
         std::ranges::all_of(tensors, [](const TensorDifference& tensor) { return tensor.is_equal(); });
}

Difference compare(const StepReader& a, const StepReader& b, int threads, const ByteProgress& progress) {
  return Comparison(a, b).run(threads, progress);
}

}  // namespace tandem::checkpoint
