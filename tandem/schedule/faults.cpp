// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "tandem/base/error.h"
#include "tandem/schedule/schedule.h"

namespace tandem::schedule {

namespace {

using Kind = Action::Kind;

std::vector<int> micro_batches_of(const std::vector<Action>& actions, Kind kind) {
  std::vector<int> list;
  for (const Action& action : actions)
    if (action.kind == kind) list.push_back(action.micro_batch);
  return list;
}

void check_complete(const Program& program, int num_micro_batches, std::vector<std::string>& faults) {
  for (size_t stage = 0; stage < program.size(); ++stage) {
    std::map<Action, size_t> first;
    std::map<Action, int> count;
    for (size_t i = 0; i < program[stage].size(); ++i) {
      first.emplace(program[stage][i], i);
      ++count[program[stage][i]];
    }
    const auto expect_once = [&](Kind kind, int micro_batch) {
      const int n = count[{kind, micro_batch}];
      if (n != 1)
        faults.push_back(
            fmt::format("stage {}: {} occurs {} times", stage, to_string({kind, micro_batch}), n));
    };
    const auto expect_order = [&](Kind earlier, Kind later, int micro_batch) {
      const auto a = first.find({earlier, micro_batch}), b = first.find({later, micro_batch});
      if (a != first.end() && b != first.end() && a->second > b->second)
        faults.push_back(
            fmt::format("stage {}: {} stands after {}", stage, to_string(a->first), to_string(b->first)));
    };
    const bool is_first = stage == 0, is_last = stage + 1 == program.size();
    for (int i = 0; i < num_micro_batches; ++i) {
      expect_once(Kind::kForward, i);
      expect_once(Kind::kBackward, i);
      if (!is_first) expect_once(Kind::kReceiveForward, i), expect_once(Kind::kSendBackward, i);
      if (!is_last) expect_once(Kind::kSendForward, i), expect_once(Kind::kReceiveBackward, i);
      expect_order(Kind::kReceiveForward, Kind::kForward, i);
      expect_order(Kind::kForward, Kind::kSendForward, i);
      expect_order(Kind::kForward, Kind::kBackward, i);
      expect_order(Kind::kReceiveBackward, Kind::kBackward, i);
      expect_order(Kind::kBackward, Kind::kSendBackward, i);
    }
  }
}

void check_matched(const Program& program, std::vector<std::string>& faults) {
  for (size_t stage = 0; stage + 1 < program.size(); ++stage) {
    const auto &before = program[stage], &after = program[stage + 1];
    if (micro_batches_of(before, Kind::kSendForward) != micro_batches_of(after, Kind::kReceiveForward))
      faults.push_back(fmt::format("stages {} and {} disagree on the forward transfers", stage, stage + 1));
    if (micro_batches_of(after, Kind::kSendBackward) != micro_batches_of(before, Kind::kReceiveBackward))
      faults.push_back(fmt::format("stages {} and {} disagree on the backward transfers", stage, stage + 1));
  }
}

// Runs the lists until no stage can go on: a stage left with actions waits for ever.
void check_ends(const Program& program, std::vector<std::string>& faults) {
  std::vector<size_t> next(program.size(), 0);
  std::vector<std::vector<Action>> sent(program.size());
  const auto has_sent = [&](size_t stage, Action action) {
    return std::find(sent[stage].begin(), sent[stage].end(), action) != sent[stage].end();
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t stage = 0; stage < program.size(); ++stage)
      for (; next[stage] < program[stage].size(); ++next[stage], moved = true) {
        const Action& action = program[stage][next[stage]];
        if (action.kind == Kind::kReceiveForward &&
            (stage == 0 || !has_sent(stage - 1, {Kind::kSendForward, action.micro_batch})))
          break;
        if (action.kind == Kind::kReceiveBackward &&
            (stage + 1 == program.size() || !has_sent(stage + 1, {Kind::kSendBackward, action.micro_batch})))
          break;
        if (action.kind == Kind::kSendForward || action.kind == Kind::kSendBackward)
          sent[stage].push_back(action);
      }
  }
  for (size_t stage = 0; stage < program.size(); ++stage)
    if (next[stage] < program[stage].size())
      faults.push_back(
          fmt::format("stage {} waits for ever at {}", stage, to_string(program[stage][next[stage]])));
}

}  // namespace

std::vector<std::string> find_faults(const Program& program, int num_micro_batches) {
  std::vector<std::string> faults;
  check_complete(program, num_micro_batches, faults);
  check_matched(program, faults);
  check_ends(program, faults);
  return faults;
}

}  // namespace tandem::schedule
