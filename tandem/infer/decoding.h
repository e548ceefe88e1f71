// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "tandem/infer/loaded_model.h"

namespace tandem::infer {

/// Sources after the encoder.
struct EncodedSources {
  at::Tensor memory_BSD;
  at::Tensor lengths;  ///< [B] int64
};

/// Runs the encoder over sources, padded to the longest. InputError for an empty one or an id outside the
/// vocabulary.
EncodedSources encode(const LoadedModel& loaded, const std::vector<Ids>& sources);

/// Returns the log-probabilities of what follows positions of the decoder, given the model's `decode` or
/// `decode_trees` of them: [..., D] -> [..., V] fp32, or fp64 of an fp64 model. InputError where they are not
/// finite.
at::Tensor log_probabilities(const LoadedModel& loaded, const at::Tensor& hidden);

/// The decoder over some sources, with a cache of what it has read. The model must outlive it. One thread.
class Decoding {
 public:
  Decoding(const LoadedModel& loaded, const EncodedSources& sources);

  /// Reads further ids, [B, T] int64, and returns the log-probabilities of what follows each, [B, T, V], as
  /// `log_probabilities` does.
  at::Tensor read(const at::Tensor& ids_BT);

  /// Makes row i go on from what row parents[i] has read, for any number of rows. Needs a single source,
  /// whose keys and values all rows share.
  void select(const std::vector<int64_t>& parents);

 private:
  void reserve(int64_t positions);

  const LoadedModel& loaded_;
  model::DecoderState state_;
};

/// Throws InputError unless the ids are in the model's vocabulary; `what` names them.
void check_ids(const LoadedModel& loaded, const Ids& ids, const char* what);

/// Pads rows to the longest with `padding`: -> [B, T] int64.
at::Tensor padded(const std::vector<Ids>& rows, int32_t padding);

/// Returns the index of the largest value, the lowest of equal ones. `values` is not empty.
int32_t index_of_largest(std::span<const double> values);

/// Returns a tensor's elements as fp64.
std::vector<double> values_of(const at::Tensor& tensor);

}  // namespace tandem::infer
