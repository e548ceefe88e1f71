// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/failure.h"

#include <filesystem>
#include <new>

namespace tandem::checkpoint {

std::optional<Failure> attempt(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return Failure{.kind = error.kind(), .message = error.what()};
  } catch (const std::filesystem::filesystem_error& error) {
    return Failure{.kind = ErrorKind::kEnvironment, .message = error.what()};
  } catch (const std::bad_alloc&) {
    return Failure{.kind = ErrorKind::kEnvironment, .message = "no memory left"};
  } catch (const std::exception& error) {
    return Failure{.kind = ErrorKind::kBug, .message = error.what()};
  }
  return std::nullopt;
}

void raise(const Failure& failure) {
  switch (failure.kind) {
    case ErrorKind::kInput:
      throw InputError("{}", failure.message);
    case ErrorKind::kEnvironment:
      throw EnvironmentError("{}", failure.message);
    case ErrorKind::kBug:
      break;
  }
  throw BugError("{}", failure.message);
}

}  // namespace tandem::checkpoint
