// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "tandem/base/error.h"
#include "tandem/base/thread_team.h"
#include "tandem/checkpoint/reader.h"

namespace tandem::checkpoint {

namespace {

using Request = StepReader::Request;

// Carries out a plan: chunk by chunk, whoever of the threads is free takes the next.
class Loading {
 public:
  Loading(const Manifest& manifest, StepFiles& files, const LoadPlan& plan, std::span<const Request> requests)
      : manifest_(manifest), files_(files), plan_(plan), requests_(requests) {
    for (const FilePlan& file : plan.files) {
      first_chunks_.push_back(num_chunks_);
      num_chunks_ += file.chunks.size();
    }
  }

  void run(int threads) {
    const auto useful = static_cast<int>(std::min<size_t>(static_cast<size_t>(threads), num_chunks_));
    run_on_threads(std::max(1, useful), [&](size_t) {
      std::vector<std::byte> buffer(static_cast<size_t>(manifest_.chunk_bytes));
      for (size_t next = next_++; next < num_chunks_ && !failed_; next = next_++) {
        try {
          read_chunk(next, buffer);
        } catch (...) {
          failed_ = true;
          throw;
        }
      }
    });
  }

 private:
  void read_chunk(size_t number, std::vector<std::byte>& buffer) {
    const auto after = std::ranges::upper_bound(first_chunks_, number);
    const auto place = static_cast<size_t>(after - first_chunks_.begin()) - 1;
    const FilePlan& file = plan_.files[place];
    const int64_t chunk = file.chunks[number - first_chunks_[place]];
    const auto bytes = std::span(buffer).first(static_cast<size_t>(files_.chunk_size(file.file, chunk)));
    files_.read_chunk(file.file, chunk, bytes);
    for (const ChunkUse& use : file.uses_of(chunk))
      copy(file.transfers[use.transfer], chunk * manifest_.chunk_bytes, bytes);
  }

  // Passes on what a chunk, whose first byte is `begin`, holds of a transfer.
  void copy(const Transfer& transfer, int64_t begin, std::span<const std::byte> chunk) const {
    const int64_t end = begin + std::ssize(chunk), count = transfer.elements.num_elements();
    const Request& request = requests_[transfer.wanted];
    const DataType stored = manifest_.description.roles[transfer.role].type;
    const int64_t stored_bytes = size_bytes(stored), target_bytes = size_bytes(request.type);
    int64_t element = transfer.first_from(begin);
    while (element < count) {
      const int64_t byte = transfer.byte_of(element);
      if (byte >= end) return;
      const BoxCopy::Run source = transfer.elements.source_run(element);
      const BoxCopy::Run target = transfer.elements.target_run(element);
      const int64_t run = std::min({source.length, target.length, (end - byte) / stored_bytes});
      convert(stored,
              chunk.subspan(static_cast<size_t>(byte - begin), static_cast<size_t>(run * stored_bytes)),
              request.type,
              request.out.subspan(static_cast<size_t>((transfer.target + target.offset) * target_bytes),
                                  static_cast<size_t>(run * target_bytes)));
      element += run;
    }
  }

  const Manifest& manifest_;
  StepFiles& files_;
  const LoadPlan& plan_;
  std::span<const Request> requests_;
  std::vector<size_t> first_chunks_;  // of each file, counted over all
  size_t num_chunks_ = 0;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
};

}  // namespace

size_t StepReader::tensor_of(const Request& request) const {
  const std::string step = folder_.string();
  const auto found = tensors_.find(request.tensor);
  if (found == tensors_.end()) throw InputError("{}: holds no tensor {}", step, request.tensor);
  const StoredTensor& tensor = manifest_->tensors[found->second];
  const std::optional<size_t> role = manifest_->find_role(request.role);
  if (!role) throw InputError("{}: holds no {} of tensor {}", step, name_of(request.role), request.tensor);
  const auto& [box, begin, count] = request.range;
  const bool fits = box.extent.size() == tensor.shape.size() &&
                    (box.num_elements() == 0 || layout::intersect(box, layout::whole(tensor.shape)) == box);
  if (!fits)
    throw InputError("{}: tensor {} has shape [{}], which does not hold the slice {}", step, request.tensor,
                     fmt::join(tensor.shape, ", "), layout::to_string(box));
  const DataType stored = manifest_->description.roles[*role].type;
  if (!converts(stored, request.type))
    throw InputError("{}: tensor {} is stored as {} and cannot be read as {}", step, request.tensor,
                     name_of(stored), name_of(request.type));
  TANDEM_CHECK(begin >= 0 && count >= 0 && begin + count <= box.num_elements(), "{}",
               layout::to_string(request.range));
  TANDEM_CHECK(std::ssize(request.out) == count * size_bytes(request.type), "{}: {} bytes for {} elements",
               request.tensor, request.out.size(), count);
  return found->second;
}

LoadPlan StepReader::plan(std::span<const Request> requests) const {
  std::vector<checkpoint::Wanted> wanted;
  for (const Request& request : requests)
    wanted.push_back(
        {.tensor = tensor_of(request), .role = *manifest_->find_role(request.role), .range = request.range});
  return planner_->plan(wanted);
}

void StepReader::read(std::span<const Request> requests, int threads) const {
  const LoadPlan plan = this->plan(requests);
  for (const FilePlan& file : plan.files) require_within_reach(file.file);
  Loading(*manifest_, *files_, plan, requests).run(threads);
}

void StepReader::read(const Wanted& wanted, DataType type, std::span<std::byte> out) const {
  const Request request{.tensor = wanted.tensor,
                        .role = wanted.role,
                        .range = layout::range_of(wanted.slice),
                        .type = type,
                        .out = out};
  read(std::span(&request, 1));
}

}  // namespace tandem::checkpoint
