// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/agreement.h"

#include <optional>

#include "tandem/checkpoint/failure.h"

namespace tandem::checkpoint {

namespace {

// The first character of the message. What follows is raw: paths may be of any bytes.
constexpr char kDone = '+', kInput = 'I', kEnvironment = 'E', kBug = 'B';

char code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInput:
      return kInput;
    case ErrorKind::kEnvironment:
      return kEnvironment;
    case ErrorKind::kBug:
      break;
  }
  return kBug;
}

ErrorKind kind_of(char code) {
  return code == kInput         ? ErrorKind::kInput
         : code == kEnvironment ? ErrorKind::kEnvironment
                                : ErrorKind::kBug;
}

}  // namespace

std::string on_first_rank(Agreement& agreement, const std::function<std::string()>& action) {
  std::string mine;
  if (agreement.rank() == 0)
    if (const std::optional<Failure> failure = attempt([&] { mine = kDone + action(); }))
      mine = code_of(failure->kind) + failure->message;
  const std::string message = agreement.broadcast(mine);
  TANDEM_CHECK(!message.empty(), "rank 0 said nothing");
  if (message[0] != kDone) raise({.kind = kind_of(message[0]), .message = message.substr(1)});
  return message.substr(1);
}

}  // namespace tandem::checkpoint
