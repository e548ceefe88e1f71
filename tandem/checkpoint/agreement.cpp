// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/agreement.h"

#include <optional>

#include "tandem/checkpoint/failure.h"

namespace tandem::checkpoint {

namespace {

// The first character of the message, or the digit of an ErrorKind. What follows is raw: paths may be of any
// bytes.
constexpr char kDone = '+';

}  // namespace

std::string on_first_rank(Agreement& agreement, const std::function<std::string()>& action) {
  std::string mine;
  if (agreement.rank() == 0)
    if (const std::optional<Failure> failure = attempt([&] { mine = kDone + action(); }))
      mine = std::to_string(static_cast<int>(failure->kind)) + failure->message;
  const std::string message = agreement.broadcast(mine);
  TANDEM_CHECK(!message.empty(), "rank 0 said nothing");
  if (message[0] != kDone)
    raise({.kind = static_cast<ErrorKind>(message[0] - '0'), .message = message.substr(1)});
  return message.substr(1);
}

}  // namespace tandem::checkpoint
