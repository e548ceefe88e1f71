// SPDX-License-Identifier: Apache-2.0
#include "tandem/infer/candidates.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include <ATen/ATen.h>

#include "tandem/base/error.h"
#include "tandem/infer/decoding.h"

namespace tandem::infer {

namespace {

Ids gaps_of(const Ids& source, const data::SpecialIds& ids) {
  Ids gaps;
  for (const int32_t id : source)
    if (ids.is_sentinel(id)) gaps.push_back(id);
  if (gaps.empty())
    throw InputError("there is no gap to fill: the source has no sentinel (<mask> in a text)");
  if (std::set<int32_t>(gaps.begin(), gaps.end()).size() < gaps.size())
    throw InputError("the source has one sentinel twice; each gap needs its own");
  return gaps;
}

// The ids that may end a gap's filling.
Ids terminators_of(const Ids& gaps, size_t gap, const data::SpecialIds& ids) {
  const int32_t next = gap + 1 < gaps.size() ? gaps[gap + 1] : gaps[gap] - 1;
  return ids.is_sentinel(next) ? Ids{next, ids.eos} : Ids{ids.eos};
}

bool may_stand_in_gap(int32_t id, const data::SpecialIds& ids) {
  return id != ids.pad && id != ids.eos && !ids.is_sentinel(id);
}

// Log-probabilities of what follows the last position of each row; widened a row at a time, as many beams
// times a large vocabulary fill gigabytes.
class Following {
 public:
  explicit Following(const at::Tensor& all_BTV) : last_BV_(all_BTV.select(1, all_BTV.size(1) - 1)) {}

  std::vector<double> row(size_t row) const {
    return values_of(last_BV_.select(0, static_cast<int64_t>(row)));
  }

 private:
  at::Tensor last_BV_;
};

// A beam's next token.
struct Step {
  double log_probability = 0;
  size_t beam = 0;
  int32_t id = 0;

  // The likelier one comes first, of equal ones that of the better beam, then that of the lower id.
  bool operator<(const Step& other) const {
    return std::tuple(-log_probability, beam, id) < std::tuple(-other.log_probability, other.beam, other.id);
  }
};

// The first `count` of the steps that were offered.
class BestSteps {
 public:
  explicit BestSteps(int64_t count) : count_(static_cast<size_t>(count)) {}

  void offer(const Step& step) {
    if (heap_.size() == count_) {
      if (!(step < heap_.front())) return;
      std::ranges::pop_heap(heap_, std::less());
      heap_.back() = step;
    } else {
      heap_.push_back(step);
    }
    std::ranges::push_heap(heap_, std::less());
  }
  std::vector<Step> take() && {
    std::ranges::sort_heap(heap_, std::less());
    return std::move(heap_);
  }

 private:
  size_t count_;
  std::vector<Step> heap_;  // the worst on top
};

// One gap's beam search.
class Search {
 public:
  Search(const data::SpecialIds& ids, Ids terminators, const FillingOptions& options)
      : ids_(ids), terminators_(std::move(terminators)), options_(options) {
    if (options_.beams == 0) options_.beams = std::max<int64_t>(16, 2 * options_.count);
  }

  std::vector<Filling> run(Decoding& decoding, const at::Tensor& after_prefix) {
    std::vector<Beam> beams(1);
    Following following(after_prefix);
    while (true) {
      end_here(beams, following);
      if (std::ssize(beams[0].ids) == options_.max_tokens) break;
      std::vector<Step> steps = best_steps(beams, following);
      if (steps.empty() || cannot_improve(steps[0].log_probability)) break;
      beams = take(beams, steps, decoding, following);
    }
    return std::move(found_);
  }

 private:
  struct Beam {
    Ids ids;
    double log_probability = 0;
  };
  // Beams differ, so each filling turns up once.
  void end_here(const std::vector<Beam>& beams, const Following& following) {
    for (size_t i = 0; i < beams.size(); ++i) {
      const std::vector<double> row = following.row(i);
      const auto log_probability = [&](int32_t id) { return row[static_cast<size_t>(id)]; };
      const int32_t likelier = *std::ranges::max_element(terminators_, {}, log_probability);
      found_.push_back({.ids = beams[i].ids,
                        .terminator = likelier,
                        .log_probability = beams[i].log_probability + log_probability(likelier)});
    }
    std::ranges::stable_sort(found_, std::greater(), &Filling::log_probability);
    if (std::ssize(found_) > options_.count) found_.resize(static_cast<size_t>(options_.count));
  }

  std::vector<Step> best_steps(const std::vector<Beam>& beams, const Following& following) const {
    BestSteps best(options_.beams);
    for (size_t beam = 0; beam < beams.size(); ++beam) {
      const std::vector<double> row = following.row(beam);
      for (size_t id = 0; id < row.size(); ++id)
        if (may_stand_in_gap(static_cast<int32_t>(id), ids_))
          best.offer({.log_probability = beams[beam].log_probability + row[id],
                      .beam = beam,
                      .id = static_cast<int32_t>(id)});
    }
    return std::move(best).take();
  }

  // A longer filling is never likelier than its beginning.
  bool cannot_improve(double best_beginning) const {
    return std::ssize(found_) == options_.count && found_.back().log_probability >= best_beginning;
  }

  std::vector<Beam> take(const std::vector<Beam>& beams, const std::vector<Step>& steps, Decoding& decoding,
                         Following& following) const {
    std::vector<Beam> next;
    std::vector<int64_t> parents;
    std::vector<Ids> read;
    for (const Step& step : steps) {
      next.push_back({.ids = beams[step.beam].ids, .log_probability = step.log_probability});
      next.back().ids.push_back(step.id);
      parents.push_back(static_cast<int64_t>(step.beam));
      read.push_back({step.id});
    }
    decoding.select(parents);
    following = Following(decoding.read(padded(read, ids_.pad)));
    return next;
  }

  const data::SpecialIds& ids_;
  const Ids terminators_;
  FillingOptions options_;
  std::vector<Filling> found_;
};

// Appends the greedy filling of a gap to what the decoder has read.
void fill_greedily(const LoadedModel& loaded, const EncodedSources& source, const Ids& terminators,
                   int64_t max_tokens, Ids& prefix) {
  Decoding decoding(loaded, source);
  at::Tensor following = decoding.read(padded({prefix}, loaded.ids().pad));
  for (int64_t taken = 0; taken < max_tokens; ++taken) {
    std::vector<double> row = values_of(following.select(1, following.size(1) - 1));
    for (size_t id = 0; id < row.size(); ++id)
      if (!may_stand_in_gap(static_cast<int32_t>(id), loaded.ids()) &&
          !std::ranges::count(terminators, static_cast<int32_t>(id)))
        row[id] = -std::numeric_limits<double>::infinity();
    const int32_t likeliest = index_of_largest(row);
    if (std::ranges::count(terminators, likeliest)) return;
    prefix.push_back(likeliest);
    following = decoding.read(padded({{likeliest}}, loaded.ids().pad));
  }
}

}  // namespace

std::vector<std::vector<Filling>> fill_gaps(const LoadedModel& loaded, const Ids& source,
                                            const FillingOptions& options) {
  TANDEM_CHECK(options.count >= 1 && options.max_tokens >= 0 && options.beams >= 0);
  const data::SpecialIds& ids = loaded.ids();
  const Ids gaps = gaps_of(source, ids);
  const EncodedSources encoded = encode(loaded, {source});
  std::vector<std::vector<Filling>> fillings;
  Ids prefix{ids.pad};
  for (size_t gap = 0; gap < gaps.size(); ++gap) {
    const Ids terminators = terminators_of(gaps, gap, ids);
    prefix.push_back(gaps[gap]);
    Decoding decoding(loaded, encoded);
    const at::Tensor after_prefix = decoding.read(padded({prefix}, ids.pad));
    fillings.push_back(Search(ids, terminators, options).run(decoding, after_prefix));
    if (gap + 1 < gaps.size()) fill_greedily(loaded, encoded, terminators, options.max_tokens, prefix);
  }
  return fillings;
}

}  // namespace tandem::infer
