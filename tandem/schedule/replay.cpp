// SPDX-License-Identifier: Apache-2.0
#include "tandem/schedule/replay.h"

#include <deque>
#include <map>

namespace tandem::schedule {

namespace {

using Kind = Action::Kind;

bool is_send(Kind kind) { return kind == Kind::kSendForward || kind == Kind::kSendBackward; }

// One stage on its way through its list.
struct Stage {
  const std::vector<Action>* actions = nullptr;
  std::map<Action, size_t> positions;
  size_t next = 0;                      // the action it is at
  std::deque<Action> open_sends;        // oldest first; without forward ones that wait for their backward
  std::map<int, Action> forward_sends;  // in training, by micro-batch

  bool is_done() const { return next == actions->size() && open_sends.empty(); }
  bool has_done(const Action& action) const {
    const auto place = positions.find(action);
    return place != positions.end() && place->second < next;
  }
  bool has_reached(const Action& action) const {
    const auto place = positions.find(action);
    return place != positions.end() && place->second <= next;
  }
};

class Replay {
 public:
  Replay(const Program& program, Purpose purpose) : purpose_(purpose), stages_(program.size()) {
    for (size_t stage = 0; stage < program.size(); ++stage) {
      stages_[stage].actions = &program[stage];
      for (size_t i = 0; i < program[stage].size(); ++i)
        stages_[stage].positions.emplace(program[stage][i], i);
    }
  }

  std::vector<StuckStage> run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t stage = 0; stage < stages_.size(); ++stage)
        while (advance(stage)) moved = true;
    }
    std::vector<StuckStage> stuck;
    for (size_t i = 0; i < stages_.size(); ++i)
      if (const Stage& stage = stages_[i]; !stage.is_done())
        stuck.push_back({.stage = i,
                         .place = stage.next < stage.actions->size() ? to_string((*stage.actions)[stage.next])
                                                                     : "the end"});
    return stuck;
  }

 private:
  // Does what the stage's next action waits for, then the action; tells whether anything happened.
  bool advance(size_t index) {
    Stage& stage = stages_[index];
    if (stage.is_done()) return false;
    const bool ends = stage.next == stage.actions->size();
    const size_t may_stay = ends ? 0 : max_open_sends(stages_.size());
    if (stage.open_sends.size() > may_stay) {
      if (!is_received(index, stage.open_sends.front())) return false;
      stage.open_sends.pop_front();
      return true;
    }
    const Action action = (*stage.actions)[stage.next];
    if (!may_pass(index, action)) return false;
    if (purpose_ == Purpose::kTraining && action.kind == Kind::kSendForward)
      stage.forward_sends.emplace(action.micro_batch, action);
    else if (is_send(action.kind))
      stage.open_sends.push_back(action);
    ++stage.next;
    return true;
  }

  bool may_pass(size_t index, const Action& action) const {
    const int micro_batch = action.micro_batch;
    if (action.kind == Kind::kReceiveForward)
      return index > 0 && stages_[index - 1].has_done({Kind::kSendForward, micro_batch});
    if (action.kind == Kind::kReceiveBackward)
      return index + 1 < stages_.size() && stages_[index + 1].has_done({Kind::kSendBackward, micro_batch});
    if (action.kind != Kind::kBackward) return true;
    const auto sent = stages_[index].forward_sends.find(micro_batch);
    return sent == stages_[index].forward_sends.end() || is_received(index, sent->second);
  }

  bool is_received(size_t from, const Action& send) const {
    const bool forward = send.kind == Kind::kSendForward;
    if (forward ? from + 1 == stages_.size() : from == 0) return false;
    const Kind receive = forward ? Kind::kReceiveForward : Kind::kReceiveBackward;
    return stages_[forward ? from + 1 : from - 1].has_reached({receive, send.micro_batch});
  }

  Purpose purpose_;
  std::vector<Stage> stages_;
};

}  // namespace

std::vector<StuckStage> replay(const Program& program, Purpose purpose) {
  return Replay(program, purpose).run();
}

}  // namespace tandem::schedule
