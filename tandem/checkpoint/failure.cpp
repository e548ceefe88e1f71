// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/failure.h"

#include <filesystem>
#include <new>

#include "tandem/comm/lost_peer.h"

namespace tandem::checkpoint {

std::optional<Failure> attempt(const std::function<void()>& action) {
  try {
    action();
  } catch (const UnreadableError& error) {
    return Failure{.kind = error.kind(), .message = error.what(), .may_be_whole = true};
  } catch (const comm::LostPeerError& error) {
    return Failure{.kind = error.kind(), .message = error.what(), .may_be_whole = true, .is_lost_peer = true};
  } catch (const Error& error) {
    return Failure{.kind = error.kind(), .message = error.what()};
  } catch (const std::filesystem::filesystem_error& error) {
    return Failure{.kind = ErrorKind::kEnvironment, .message = error.what()};
  } catch (const std::bad_alloc&) {
    return Failure{.kind = ErrorKind::kEnvironment, .message = "no memory left", .may_be_whole = true};
  } catch (const std::exception& error) {
    return Failure{.kind = ErrorKind::kBug, .message = error.what()};
  }
  return std::nullopt;
}

std::optional<Failure> damage_found(const std::function<void()>& action) {
  auto failure = attempt(action);
  if (failure && !failure->is_damage()) raise(*failure);
  return failure;
}

void raise(const Failure& failure) {
  switch (failure.kind) {
    case ErrorKind::kInput:
      throw InputError("{}", failure.message);
    case ErrorKind::kEnvironment:
      if (failure.is_lost_peer) throw comm::LostPeerError("{}", failure.message);
      if (failure.may_be_whole) throw UnreadableError("{}", failure.message);
      throw EnvironmentError("{}", failure.message);
    case ErrorKind::kBug:
      break;
  }
  throw BugError("{}", failure.message);
}

}  // namespace tandem::checkpoint
