// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/agreement.h"

#include <optional>

#include "tandem/checkpoint/failure.h"

namespace tandem::checkpoint {

namespace {

// A message is kDone and a text, or kUnreadable or the digit of an ErrorKind and what went wrong. What
// follows the first character is raw: paths may be of any bytes.
constexpr char kDone = '+', kUnreadable = '?';

std::string message_of(const std::function<std::string()>& action) {
  std::string text;
  if (const std::optional<Failure> failure = attempt([&] { text = action(); }))
    return (failure->may_be_whole ? kUnreadable : static_cast<char>('0' + static_cast<int>(failure->kind))) +
           failure->message;
  return kDone + text;
}

// Returns the text of a message, or throws the failure that it is.
std::string text_of(const std::string& message) {
  TANDEM_CHECK(!message.empty(), "rank 0 said nothing");
  if (message[0] == kUnreadable) throw UnreadableError("{}", message.substr(1));
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
  for (size_t rank = 0; rank < all.size(); ++rank) {
    const char told = all[rank].at(0);
    // What one rank finds damaged may be whole where another cannot look.
    if (verdict[0] == kDone ? told == kDone : told != kUnreadable || verdict[0] == kUnreadable) continue;
    verdict = all.size() == 1 ? all[rank] : fmt::format("{}rank {}: {}", told, rank, all[rank].substr(1));
  }
  text_of(agreement.broadcast(verdict));
}

}  // namespace tandem::checkpoint
