// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace tandem::checkpoint {

/// How the ranks that save one step talk to each other: a few small messages. All ranks call the same
/// functions in the same order; a peer that does not answer is an EnvironmentError after the implementation's
/// deadline.
class Agreement {
 public:
  virtual ~Agreement() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Begins an exchange: where a rank gave up in an earlier one, no message of that is taken for one of this.
  /// All ranks begin as many.
  virtual void begin_exchange() {}
  /// Returns at rank 0 the texts of all ranks in order of rank, elsewhere nothing.
  virtual std::vector<std::string> gather(const std::string& mine) = 0;
  /// Returns rank 0's text on every rank.
  virtual std::string broadcast(const std::string& from_first) = 0;
};

/// Runs `action` on rank 0 and returns its text on every rank; what it throws there, every rank throws, with
/// the same kind and message. All ranks call; one broadcast.
std::string on_first_rank(Agreement& agreement, const std::function<std::string()>& action);

/// Runs `action` on each rank. What the first of those that fail, in order of rank, throws, every rank
/// throws, with the same kind, its message behind "rank N: "; an UnreadableError comes before all others. All
/// ranks call; one gather and one broadcast.
void on_every_rank(Agreement& agreement, const std::function<void()>& action);

/// One rank that agrees with itself.
class OneRank final : public Agreement {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::vector<std::string> gather(const std::string& mine) override { return {mine}; }
  std::string broadcast(const std::string& from_first) override { return from_first; }
};

}  // namespace tandem::checkpoint
