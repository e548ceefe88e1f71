// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tandem::comm {

/// A job's key-value store, as far as texts between its ranks need it.
class Keys {
 public:
  virtual ~Keys() = default;
  virtual void set(const std::string& key, const std::string& text) = 0;
  /// Returns the text of a key, once it is there; blocks.
  virtual std::string get(const std::string& key) = 0;
  virtual void remove(const std::string& key) = 0;
};

/// Texts between the ranks of a job by way of its store, apart from all groups: for a thread that works
/// beside the training one, whose collectives it must not mix with. Few and small messages. All ranks call
/// the same functions in the same order, each from one thread. EnvironmentError where the store is lost or a
/// rank is silent until the deadline; a rank on which that happens leaves out the rest of the exchange, and
/// the next is whole again.
class StoreChannel {
 public:
  /// Makes the channel of a job of one.
  StoreChannel() = default;
  /// Makes the channel of one rank: World::make_channel.
  StoreChannel(std::shared_ptr<Keys> keys, int rank, int size);

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// Begins an exchange of messages that has nothing to do with those before, however far each rank came in
  /// them: all ranks begin as many. The first needs no call.
  void begin_exchange();

  /// Returns the texts of all ranks in rank order on rank 0, nothing elsewhere; blocks on rank 0.
  std::vector<std::string> gather(const std::string& text);

  /// Returns rank 0's text on every rank; blocks on the others.
  std::string broadcast(const std::string& text);

 private:
  std::string next_message();
  void set(const std::string& key, const std::string& text);
  void remove_sent();

  std::shared_ptr<Keys> keys_;
  int rank_ = 0;
  int size_ = 1;
  int64_t exchange_ = 0;
  int64_t number_ = 0;             // of the next message of the exchange
  std::vector<std::string> sent_;  // keys that somebody may still have to read
};

}  // namespace tandem::comm
