// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <memory>
#include <string>

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include "tandem/comm/backend.h"

namespace tandem::comm {

/// Which rank of which group an operation belongs to, for its error messages.
struct GroupPlace {
  std::string name;
  int rank = 0;
  int size = 1;
};

/// Makes c10d's process group, whatever its library, a Backend.
std::shared_ptr<Backend> as_backend(c10::intrusive_ptr<c10d::Backend> group, GroupPlace place);

/// Returns the first line of a message of libtorch, whose further lines are for its developers, without a
/// full stop.
std::string first_sentence(const std::exception& error);

/// Throws EnvironmentError: rank `place` could not connect to its peers, and the first line of why.
[[noreturn]] void fail_to_connect(const GroupPlace& place, const std::exception& error);

}  // namespace tandem::comm
