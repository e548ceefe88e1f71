// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tandem/launch/environment.h"
#include "tandem/launch/pipe.h"

namespace tandem::launch {

/// The launcher's side of the report channel: one pipe for all local ranks of one incarnation, so that a late
/// word of an earlier one is not heard. Both ends stay open while it lives, so it never reports an end. Not
/// thread-safe.
class ReportPipe {
 public:
  /// Throws EnvironmentError where no descriptor is left.
  ReportPipe();

  /// Returns the end that ranks inherit.
  int write_descriptor() const { return pipe_.write_end.get(); }
  /// Adds what tells a rank of it.
  void describe(Variables& variables) const;

  /// Returns a descriptor that is readable when reports wait.
  int descriptor() const { return pipe_.read_end.get(); }
  /// Returns the committed steps among the waiting reports, in order; passes over everything else. Does not
  /// block; one call takes all that a pipe holds.
  std::vector<int64_t> take();

 private:
  Pipe pipe_;
  std::string unfinished_;
};

}  // namespace tandem::launch
