// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/agreement.h"

#include <optional>

#include "tandem/checkpoint/failure.h"

namespace tandem::checkpoint {

namespace {

// A message is kDone and a text, or the digit of an ErrorKind and what went wrong. What follows the first
// character is raw: paths may be of any bytes.
constexpr char kDone = '+';

std::string message_of(const std::function<std::string()>& action) {
  std::string text;
  if (const std::optional<Failure> failure = attempt([&] { text = action(); }))
    return std::to_string(static_cast<int>(failure->kind)) + failure->message;
  return kDone + text;
}

// Returns the text of a message, or throws the failure that it is.
std::string text_of(const std::string& message) {
  TANDEM_CHECK(!message.empty(), "rank 0 said nothing");
  if (message[0] != kDone)
    raise({.kind = static_cast<ErrorKind>(message[0] - '0'), .message = message.substr(1)});
  return message.substr(1);
}

}  // namespace

std::string on_first_rank(Agreement& agreement, const std::function<std::string()>& action) {
  return text_of(agreement.broadcast(agreement.rank() == 0 ? message_of(action) : ""));
}

void on_every_rank(Agreement& agreement, const std::function<void()>& action) {
  const std::string mine = message_of([&] { return action(), std::string(); });
  const std::vector<std::string> all = agreement.gather(mine);
  std::string verdict(1, kDone);
  for (size_t rank = 0; rank < all.size() && verdict[0] == kDone; ++rank)
    if (all[rank].at(0) != kDone)
      verdict =
          all.size() == 1 ? all[rank] : fmt::format("{}rank {}: {}", all[rank][0], rank, all[rank].substr(1));
  text_of(agreement.broadcast(verdict));
}

}  // namespace tandem::checkpoint
