// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <map>

#include <fmt/ranges.h>

#include "tandem/base/error.h"
#include "tandem/schedule/replay.h"
#include "tandem/schedule/schedule.h"

namespace tandem::schedule {

namespace {

using Kind = Action::Kind;
constexpr std::array kKinds{Kind::kReceiveForward,  Kind::kForward,  Kind::kSendForward,
                            Kind::kReceiveBackward, Kind::kBackward, Kind::kSendBackward};

std::vector<int> micro_batches_of(const std::vector<Action>& actions, Kind kind) {
  std::vector<int> list;
  for (const Action& action : actions)
    if (action.kind == kind) list.push_back(action.micro_batch);
  return list;
}

// Whether a stage has to do an action, for each of its micro-batches.
bool is_needed(Kind kind, size_t stage, size_t num_stages, Purpose purpose) {
  const bool is_first = stage == 0, is_last = stage + 1 == num_stages;
  const bool trains = purpose == Purpose::kTraining;
  switch (kind) {
    case Kind::kForward:
      return true;
    case Kind::kBackward:
      return trains;
    case Kind::kReceiveForward:
      return !is_first;
    case Kind::kSendForward:
      return !is_last;
    case Kind::kReceiveBackward:
      return trains && !is_last;
    case Kind::kSendBackward:
      break;
  }
  return trains && !is_first;
}

// Where each action of a stage first stands.
using Positions = std::map<Action, size_t>;

Positions positions_of(const std::vector<Action>& actions) {
  Positions first;
  for (size_t i = 0; i < actions.size(); ++i) first.emplace(actions[i], i);
  return first;
}

void check_complete(const Program& program, const ProgramUse& use, std::vector<std::string>& faults) {
  for (size_t stage = 0; stage < program.size(); ++stage) {
    std::map<Action, int> count;
    for (const Action& action : program[stage]) ++count[action];
    for (const Kind kind : kKinds)
      for (int i = 0; i < use.num_micro_batches; ++i)
        if (const Action action{kind, i}; is_needed(kind, stage, program.size(), use.purpose)) {
          if (const int n = count[action]; n != 1)
            faults.push_back(fmt::format("stage {}: {} occurs {} times", stage, to_string(action), n));
          count.erase(action);
        }
    for (const auto& [action, n] : count)
      faults.push_back(fmt::format("stage {}: {} is not among its actions", stage, to_string(action)));
  }
}

void check_order(const Program& program, const ProgramUse& use, std::vector<std::string>& faults) {
  for (size_t stage = 0; stage < program.size(); ++stage) {
    const Positions first = positions_of(program[stage]);
    const auto expect = [&](Kind earlier, Kind later, int micro_batch) {
      const auto a = first.find({earlier, micro_batch}), b = first.find({later, micro_batch});
      if (a != first.end() && b != first.end() && a->second > b->second)
        faults.push_back(
            fmt::format("stage {}: {} stands after {}", stage, to_string(a->first), to_string(b->first)));
    };
    for (int i = 0; i < use.num_micro_batches; ++i) {
      expect(Kind::kReceiveForward, Kind::kForward, i);
      expect(Kind::kForward, Kind::kSendForward, i);
      expect(Kind::kForward, Kind::kBackward, i);
      expect(Kind::kSendForward, Kind::kBackward, i);
      expect(Kind::kReceiveBackward, Kind::kBackward, i);
      expect(Kind::kBackward, Kind::kSendBackward, i);
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

}  // namespace

std::vector<std::string> find_faults(const Program& program, const ProgramUse& use) {
  std::vector<std::string> faults;
  check_complete(program, use, faults);
  check_order(program, use, faults);
  check_matched(program, faults);
  for (const StuckStage& stuck : replay(program, use.purpose))
    faults.push_back(fmt::format("stage {} waits for ever at {}", stuck.stage, stuck.place));
  return faults;
}

void require_faultless(const Program& program, const ProgramUse& use) {
  const std::vector<std::string> faults = find_faults(program, use);
  TANDEM_CHECK(faults.empty(), "{} stages, {} micro-batches: {}", program.size(), use.num_micro_batches,
               fmt::join(faults, "; "));
}

}  // namespace tandem::schedule
