// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <vector>

namespace tandem::schedule {

/// One thing a stage does for one micro-batch. Transfers move the bundle of the border before the stage
/// (receive forward, send backward) or after it (send forward, receive backward). A receive blocks until its
/// message is there. A send returns at once, but its message is only gone when the other side receives it,
/// and is waited for: a forward one of a training step before the micro-batch's backward; of all others the
/// oldest, once more than max_open_sends() are open; whatever is left at the end of the list.
struct Action {
  enum class Kind { kReceiveForward, kForward, kSendForward, kReceiveBackward, kBackward, kSendBackward };

  Kind kind = Kind::kForward;
  int micro_batch = 0;
  auto operator<=>(const Action&) const = default;
};

/// Returns "F3" and "B3" for forward and backward of micro-batch 3, "<F3" and "F3>" for receiving and
/// sending.
std::string to_string(const Action& action);

/// What every stage does in one step, in order: program[stage] is run by that stage's rank from front to
/// back. Pure data: the same list is printed, checked and executed.
using Program = std::vector<std::vector<Action>>;

/// Which stages of how many, over how many micro-batches.
struct ProgramShape {
  int num_stages = 1;
  int num_micro_batches = 1;
};

/// One forward, one backward: stage s keeps at most num_stages - s micro-batches (Narayanan et al.,
/// "PipeDream-Flush" of arXiv 2006.09503, section 3).
Program make_1f1b(const ProgramShape& shape);

/// All forwards, then all backwards in the same order (Huang et al., arXiv 1811.06965).
Program make_gpipe(const ProgramShape& shape);

/// Forwards alone, for evaluation.
Program make_forward_only(const ProgramShape& shape);

/// How many messages a stage may leave unreceived behind it, see Action.
constexpr size_t max_open_sends(size_t num_stages) { return num_stages; }

/// What a program is for: a training step, or forwards alone.
enum class Purpose { kTraining, kEvaluation };

/// What a program must be right for.
struct ProgramUse {
  Purpose purpose = Purpose::kTraining;
  int num_micro_batches = 1;
  auto operator<=>(const ProgramUse&) const = default;
};

/// Returns what is wrong with a program, a line each, or nothing: each stage runs one forward a micro-batch
/// and, in training, one backward after it, and no action beside these and their transfers; each transfer has
/// its counterpart, in the same order on both sides; no stage waits for ever, counting no message as gone
/// before its receive is reached.
std::vector<std::string> find_faults(const Program& program, const ProgramUse& use);

/// Throws BugError with what find_faults() finds.
void require_faultless(const Program& program, const ProgramUse& use);

/// Returns the most micro-batches a stage holds between their forward and their backward.
int peak_in_flight(const std::vector<Action>& actions);

/// Draws the program as text, a line a stage.
std::string draw(const Program& program);

}  // namespace tandem::schedule
