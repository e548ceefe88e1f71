// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/checkpoint/box_copy.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/shard_cache.h"

namespace tandem::checkpoint {

namespace {

constexpr int64_t kBufferBytes = int64_t{1} << 20;

// Reads what a stored slice and a wanted one share. Stretches that lie one behind another in the file come
// with one call, however they are scattered in the target.
class SliceCopier {
 public:
  SliceCopier(DataType stored, DataType wanted, std::span<std::byte> out)
      : stored_(stored), wanted_(wanted), out_(out) {}

  void copy(const ShardFile& shard, int64_t position, const BoxCopy& elements) {
    const int64_t stored_bytes = size_bytes(stored_);
    for (int64_t done = 0; done < elements.num_elements();) {
      const BoxCopy::Run source = elements.source_run(done), target = elements.target_run(done);
      const int64_t from = position + source.offset * stored_bytes;
      int64_t count = std::min(source.length, target.length);
      if (stored_ == wanted_ && (count == source.length || count * stored_bytes >= kBufferBytes)) {
        shard.read_at(from, out(target.offset, count));
      } else {
        count = std::min(source.length, kBufferBytes / stored_bytes);
        buffer_.resize(static_cast<size_t>(count * stored_bytes));
        shard.read_at(from, buffer_);
        scatter(elements, done, count);
      }
      done += count;
    }
  }

 private:
  void scatter(const BoxCopy& elements, int64_t first, int64_t count) {
    const int64_t stored_bytes = size_bytes(stored_);
    for (int64_t done = 0; done < count;) {
      const BoxCopy::Run target = elements.target_run(first + done);
      const int64_t step = std::min(target.length, count - done);
      const auto source = std::span(buffer_).subspan(static_cast<size_t>(done * stored_bytes),
                                                     static_cast<size_t>(step * stored_bytes));
      convert(stored_, source, wanted_, out(target.offset, step));
      done += step;
    }
  }

  std::span<std::byte> out(int64_t offset, int64_t count) const {
    const int64_t wanted_bytes = size_bytes(wanted_);
    return out_.subspan(static_cast<size_t>(offset * wanted_bytes),
                        static_cast<size_t>(count * wanted_bytes));
  }

  DataType stored_, wanted_;
  std::span<std::byte> out_;
  std::vector<std::byte> buffer_;
};

// Returns the stored values of a tensor's role once all that a caller can get wrong is checked.
const StoredRole& stored_role(const StepReader& reader, const StepReader::Wanted& wanted, DataType type) {
  const std::string step = reader.folder().string();
  const StoredTensor* tensor = reader.manifest().find(wanted.tensor);
  if (tensor == nullptr) throw InputError("{}: holds no tensor {}", step, wanted.tensor);
  const auto role = tensor->roles.find(wanted.role);
  if (role == tensor->roles.end())
    throw InputError("{}: holds no {} of tensor {}", step, name_of(wanted.role), wanted.tensor);
  const layout::Slice whole = layout::whole(tensor->shape);
  const bool fits =
      wanted.slice.extent.size() == tensor->shape.size() &&
      (wanted.slice.num_elements() == 0 || layout::intersect(wanted.slice, whole) == wanted.slice);
  if (!fits)
    throw InputError("{}: tensor {} has shape [{}], which does not hold the slice {}", step, wanted.tensor,
                     fmt::join(tensor->shape, ", "), layout::to_string(wanted.slice));
  if (!converts(role->second.type, type))
    throw InputError("{}: tensor {} is stored as {} and cannot be read as {}", step, wanted.tensor,
                     name_of(role->second.type), name_of(type));
  return role->second;
}

}  // namespace

void StepReader::read(const Wanted& wanted, DataType type, std::span<std::byte> out) const {
  const StoredRole& role = stored_role(*this, wanted, type);
  TANDEM_CHECK(static_cast<int64_t>(out.size()) == wanted.slice.num_elements() * size_bytes(type),
               "{} bytes for slice {} of {}", out.size(), layout::to_string(wanted.slice), wanted.tensor);
  if (out.empty()) return;
  SliceCopier copier(role.type, type, out);
  for (const StoredSlice& slice : role.slices)
    if (const std::optional<BoxCopy> shared = BoxCopy::between(slice.box, wanted.slice))
      copier.copy(*shards_->get(slice.file), slice.position, *shared);
}

}  // namespace tandem::checkpoint
