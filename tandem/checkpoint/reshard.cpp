// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/reshard.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/base/thread_team.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/writer.h"

namespace tandem::checkpoint {

namespace {

constexpr int64_t kWindowBytes = int64_t{16} << 20;

// Bytes of one part of one role, read from a step a window at a time as they are asked for, in order.
class ReadAhead {
 public:
  ReadAhead(const StepReader& source, StepReader::Request whole,
            std::shared_ptr<std::vector<std::byte>> window)
      : source_(source), whole_(std::move(whole)), window_(std::move(window)) {}

  void fill(int64_t first, std::span<std::byte> out) {
    while (!out.empty()) {
      if (first < begin_ || first >= end_) load(first);
      const int64_t count = std::min(std::ssize(out), end_ - first);
      const auto from = window_->begin() + (first - begin_);
      std::copy(from, from + count, out.begin());
      out = out.subspan(static_cast<size_t>(count));
      first += count;
    }
  }

 private:
  void load(int64_t first) {
    const int64_t size = size_bytes(whole_.type);
    StepReader::Request part = whole_;
    part.range.begin += first / size;
    part.range.count = std::min(whole_.range.count - first / size, kWindowBytes / size);
    window_->resize(static_cast<size_t>(part.range.count * size));
    part.out = *window_;
    source_.read(std::span(&part, 1));
    begin_ = first;
    end_ = first + part.range.count * size;
  }

  const StepReader& source_;
  StepReader::Request whole_;
  std::shared_ptr<std::vector<std::byte>> window_;
  int64_t begin_ = 0, end_ = 0;
};

// Reports what all threads have written.
class SharedProgress {
 public:
  SharedProgress(const ByteProgress& progress, int64_t total) : progress_(progress), total_(total) {}

  void add(int64_t bytes) {
    const std::lock_guard lock(mutex_);
    done_ += bytes;
    if (progress_) progress_(done_, total_);
  }

 private:
  const ByteProgress& progress_;
  std::mutex mutex_;
  int64_t done_ = 0, total_;
};

std::vector<Piece> pieces_of(const StepReader& source, const layout::StateLayout& target,
                             const layout::MeshCoordinate& place, SharedProgress& progress) {
  // The parts of a file are written one after another: they take turns with one window.
  const auto window = std::make_shared<std::vector<std::byte>>();
  std::vector<Piece> pieces;
  for (const layout::StatePart& part : layout::written_parts(target, place)) {
    Piece& piece = pieces.emplace_back(Piece{.tensor = part.tensor, .range = part.range, .values = {}});
    for (const auto& [role, type] : source.manifest().description.roles) {
      auto reader = std::make_shared<ReadAhead>(source,
                                                StepReader::Request{.tensor = target.table[part.tensor].name,
                                                                    .role = role,
                                                                    .range = part.range,
                                                                    .type = type,
                                                                    .out = {}},
                                                window);
      piece.values.emplace_back(part.range.count * size_bytes(type),
                                [reader, &progress](int64_t first, std::span<std::byte> out) {
                                  reader->fill(first, out);
                                  progress.add(std::ssize(out));
                                });
    }
  }
  return pieces;
}

void add(RankFigure& figure, int64_t value) {
  figure.mean += static_cast<double>(value);
  figure.most = std::max(figure.most, value);
}

std::vector<size_t> places_of(const Manifest& manifest, const layout::StateLayout& layout) {
  std::vector<size_t> places;
  for (const layout::TensorSpec& spec : layout.table) {
    const auto found = std::ranges::find(manifest.tensors, spec.name, &StoredTensor::name);
    TANDEM_CHECK(found != manifest.tensors.end() && found->shape == spec.shape, "tensor {}", spec.name);
    places.push_back(static_cast<size_t>(found - manifest.tensors.begin()));
  }
  return places;
}

}  // namespace

ReshardFigures plan_reshard(const Manifest& manifest, const layout::StateLayout& target) {
  const Planner planner(manifest);
  const std::vector<size_t> places = places_of(manifest, target);
  ReshardFigures figures{.ranks = target.mesh.size()};
  for (const StoredFile& file : manifest.files) figures.stored_bytes += file.bytes;
  for (int rank = 0; rank < target.mesh.size(); ++rank) {
    std::vector<Wanted> wanted;
    int64_t bytes = 0, transfers = 0;
    for (const layout::StatePart& part : layout::written_parts(target, target.mesh.coordinate_of(rank)))
      for (size_t role = 0; role < manifest.description.roles.size(); ++role) {
        wanted.push_back({.tensor = places[part.tensor], .role = role, .range = part.range});
        bytes += part.range.count * size_bytes(manifest.description.roles[role].type);
      }
    const LoadPlan plan = planner.plan(wanted);
    for (const FilePlan& file : plan.files) transfers += std::ssize(file.transfers);
    add(figures.wanted_bytes, bytes);
    add(figures.read_bytes, plan.bytes_read(manifest));
    add(figures.files_touched, std::ssize(plan.files));
    add(figures.transfers, transfers);
  }
  for (RankFigure* figure :
       {&figures.wanted_bytes, &figures.read_bytes, &figures.files_touched, &figures.transfers})
    figure->mean /= static_cast<double>(figures.ranks);
  return figures;
}

Manifest imagined_manifest(const layout::StateLayout& layout, const StepDescription& description) {
  constexpr int64_t kHeaderBytes = 16 << 10;
  Manifest manifest{.description = description, .saved_at = {}, .tensors = {}, .files = {}};
  for (const layout::TensorSpec& spec : layout.table)
    manifest.tensors.push_back({.name = spec.name, .shape = spec.shape});
  int64_t elements = 0;
  for (const layout::TensorSpec& spec : layout.table) elements += layout::num_elements(spec.shape);
  manifest.chunk_bytes = usual_chunk_bytes(elements * element_bytes(description));
  for (int rank = 0; rank < layout.mesh.size(); ++rank) {
    StoredFile file{
        .name = shard_file_name({.rank = rank}), .data_begin = kHeaderBytes, .chunk_sums = {}, .ranges = {}};
    for (const layout::StatePart& part : layout::written_parts(layout, layout.mesh.coordinate_of(rank)))
      file.ranges.push_back({.tensor = part.tensor, .range = part.range, .first = file.num_elements()});
    file.bytes = kHeaderBytes + file.num_elements() * element_bytes(description);
    if (!file.ranges.empty()) manifest.files.push_back(std::move(file));
  }
  return manifest;
}

std::filesystem::path reshard(const StepReader& source, const layout::StateLayout& target,
                              const std::filesystem::path& folder, int threads,
                              const ByteProgress& progress) {
  const Manifest& manifest = source.manifest();
  std::vector<Role> roles;
  int64_t total = 0;
  for (const StoredRole& role : manifest.description.roles) roles.push_back(role.role);
  source.require(target.table, roles);
  for (const layout::TensorSpec& spec : target.table)
    total += layout::num_elements(spec.shape) * element_bytes(manifest.description);

  NewStep step{.folder = folder, .description = manifest.description, .tensors = target.table};
  step.description.mesh = target.mesh.extent();
  const StepWriter writer(step);
  writer.prepare();
  std::vector<RankReport> reports(static_cast<size_t>(target.mesh.size()));
  SharedProgress shared(progress, total);
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  run_on_threads(threads, [&](size_t) {
    for (size_t rank = next++; rank < reports.size() && !failed; rank = next++) {
      const auto place = target.mesh.coordinate_of(static_cast<int>(rank));
      reports[rank] = writer.write(pieces_of(source, target, place, shared), static_cast<int>(rank));
      if (reports[rank].failure) failed = true;
    }
  });
  writer.commit(reports);
  return writer.step_folder();
}

}  // namespace tandem::checkpoint
