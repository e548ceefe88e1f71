// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/observe/record_file.h"

namespace tandem::observe {

/// A number that TensorBoard draws over the steps.
struct Scalar {
  std::string tag;  ///< as in "train/loss"
  double value;     ///< stored in single precision, as TensorBoard's files do
};

/// Frames bytes as a TFRecord: length, masked CRC32C of the length, bytes, masked CRC32C of the bytes.
/// Source: TensorFlow, core/lib/io/record_writer.h.
std::string frame_record(std::string_view bytes);

/// Writes scalars to a TensorBoard event file of its own, one record a call. One owner, one thread.
class EventWriter {
 public:
  /// Starts a new file in `directory` for a run that goes on after `last_step` (0: from the start):
  /// TensorBoard then drops what older files say of later steps. Throws EnvironmentError.
  EventWriter(const std::filesystem::path& directory, int64_t last_step);

  /// Appends scalars of a step, with the time of the call; as RecordFile::append.
  void write(int64_t step, const std::vector<Scalar>& scalars);
  /// Writes what a full disk did not take before. Throws EnvironmentError.
  void flush() { file_.flush(); }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  RecordFile file_;
};

}  // namespace tandem::observe
