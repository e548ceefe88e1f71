// SPDX-License-Identifier: Apache-2.0
#include "tandem/schedule/schedule.h"

#include <algorithm>

#include "tandem/base/error.h"

namespace tandem::schedule {

namespace {

using Kind = Action::Kind;

// Adds the transfers that a stage's computation needs: data comes just before it and leaves just after it.
std::vector<Action> with_transfers(const std::vector<Action>& compute, int stage, int num_stages) {
  const bool first = stage == 0, last = stage == num_stages - 1;
  std::vector<Action> actions;
  for (const Action& action : compute) {
    const bool forward = action.kind == Kind::kForward;
    if (forward ? !first : !last)
      actions.push_back({forward ? Kind::kReceiveForward : Kind::kReceiveBackward, action.micro_batch});
    actions.push_back(action);
    if (forward ? !last : !first)
      actions.push_back({forward ? Kind::kSendForward : Kind::kSendBackward, action.micro_batch});
  }
  return actions;
}

// Makes a program whose stages run `warm_up(stage)` forwards ahead of their first backward.
template <typename WarmUp>
Program make(const ProgramShape& shape, const WarmUp& warm_up) {
  TANDEM_CHECK(shape.num_stages >= 1 && shape.num_micro_batches >= 1);
  Program program;
  for (int stage = 0; stage < shape.num_stages; ++stage) {
    const int ahead = std::min(shape.num_micro_batches, warm_up(stage));
    std::vector<Action> compute;
    for (int i = 0; i < ahead; ++i) compute.push_back({Kind::kForward, i});
    for (int i = ahead; i < shape.num_micro_batches; ++i) {
      compute.push_back({Kind::kForward, i});
      compute.push_back({Kind::kBackward, i - ahead});
    }
    for (int i = shape.num_micro_batches - ahead; i < shape.num_micro_batches; ++i)
      compute.push_back({Kind::kBackward, i});
    program.push_back(with_transfers(compute, stage, shape.num_stages));
  }
  return program;
}

}  // namespace

std::string to_string(const Action& action) {
  const auto text = [&](const char* form) { return fmt::format(fmt::runtime(form), action.micro_batch); };
  switch (action.kind) {
    case Kind::kReceiveForward:
      return text("<F{}");
    case Kind::kForward:
      return text("F{}");
    case Kind::kSendForward:
      return text("F{}>");
    case Kind::kReceiveBackward:
      return text("<B{}");
    case Kind::kBackward:
      return text("B{}");
    case Kind::kSendBackward:
      break;
  }
  return text("B{}>");
}

Program make_1f1b(const ProgramShape& shape) {
  return make(shape, [&](int stage) { return shape.num_stages - 1 - stage; });
}

Program make_gpipe(const ProgramShape& shape) {
  return make(shape, [&](int) { return shape.num_micro_batches; });
}

Program make_forward_only(const ProgramShape& shape) {
  Program program;
  for (int stage = 0; stage < shape.num_stages; ++stage) {
    std::vector<Action> compute;
    for (int i = 0; i < shape.num_micro_batches; ++i) compute.push_back({Kind::kForward, i});
    program.push_back(with_transfers(compute, stage, shape.num_stages));
  }
  return program;
}

int peak_in_flight(const std::vector<Action>& actions) {
  int now = 0, peak = 0;
  for (const Action& action : actions) {
    now += action.kind == Kind::kForward ? 1 : action.kind == Kind::kBackward ? -1 : 0;
    peak = std::max(peak, now);
  }
  return peak;
}

std::string draw(const Program& program) {
  std::string text;
  for (size_t stage = 0; stage < program.size(); ++stage) {
    text += fmt::format("{:>3}:", stage);
    for (const Action& action : program[stage]) text += ' ' + to_string(action);
    text += '\n';
  }
  return text;
}

}  // namespace tandem::schedule
