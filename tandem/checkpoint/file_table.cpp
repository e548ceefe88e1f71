// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/file_table.h"

#include <charconv>
#include <set>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/checkpoint/coverage.h"
#include "tandem/checkpoint/names.h"
#include "tandem/checkpoint/stored_json.h"

namespace tandem::checkpoint {

namespace {

using layout::Shape;
using nlohmann::json;

constexpr size_t kMaxDims = 8;
constexpr int64_t kMaxElements = int64_t{1} << 56;  // times 8 bytes is still in range

int64_t size_in(const json& value, const std::string& place) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t{kMaxElements})
    throw EnvironmentError("{}: {} is no size", place, value.dump());
  return value.get<int64_t>();
}

void check_shape(const Shape& shape, const std::string& place) {
  int64_t elements = 1;
  for (const int64_t extent : shape)
    if (extent < 1 || __builtin_mul_overflow(elements, extent, &elements) || elements > kMaxElements)
      throw EnvironmentError("{}: [{}] is no shape", place, fmt::join(shape, ", "));
}

std::vector<uint32_t> sums_in(const std::string& hex, const std::string& place) {
  constexpr size_t kDigits = 8;
  std::vector<uint32_t> sums(hex.size() / kDigits);
  bool is_good = hex.size() % kDigits == 0;
  for (size_t i = 0; is_good && i < sums.size(); ++i) {
    const char* first = hex.data() + i * kDigits;
    const auto [end, error] = std::from_chars(first, first + kDigits, sums[i], 16);
    is_good = error == std::errc() && end == first + kDigits;
  }
  if (!is_good) throw EnvironmentError("{}: its checksums are not of eight hexadecimal digits each", place);
  return sums;
}

class FileParser {
 public:
  FileParser(const Manifest& manifest, const std::string& place, Unknown unknown)
      : manifest_(manifest), place_(place), unknown_(unknown), boxes_(manifest.tensors.size()) {}

  StoredFile file(const json& entry) {
    StoredMembers members(entry, place_ + ": files");
    StoredFile file{.name = members.text("name"),
                    .bytes = members.integer("bytes"),
                    .data_begin = members.integer("data_begin"),
                    .chunk_sums = {},
                    .ranges = {}};
    if (!is_plain_file_name(file.name) || file.name == Manifest::kFileName ||
        !names_.insert(file.name).second)
      throw EnvironmentError("{}: {} cannot be the name of one of its files", place_, json(file.name).dump());
    const std::string place = fmt::format("{}: {}", place_, file.name);
    file.chunk_sums = sums_in(members.text("chunk_crc32c"), place);
    for (const json& range : members.array("ranges")) add_range(range, file, place);
    check_sizes(file, sums_in(members.text("crc32c"), place), place);
    if (unknown_ == Unknown::kRefused) members.finish();
    return file;
  }

  void check_coverage() const {
    for (size_t tensor = 0; tensor < boxes_.size(); ++tensor)
      if (const auto problem = coverage_problem(manifest_.tensors[tensor].shape, boxes_[tensor]))
        throw EnvironmentError("{}: tensor {}: {}", place_, manifest_.tensors[tensor].name, *problem);
  }

 private:
  void add_range(const json& entry, StoredFile& file, const std::string& place) {
    if (!entry.is_array() || entry.size() < 3) throw EnvironmentError("{}: has a bad range", place);
    const auto number = [&](size_t i) { return size_in(entry[i], place); };
    const auto tensor = static_cast<size_t>(number(0));
    if (tensor >= manifest_.tensors.size())
      throw EnvironmentError("{}: has a range of tensor {} of {}", place, tensor, manifest_.tensors.size());
    const StoredTensor& of = manifest_.tensors[tensor];
    const size_t dims = of.shape.size();
    if (entry.size() != 3 + 2 * dims) throw EnvironmentError("{}: has a bad range of {}", place, of.name);
    StoredRange stored{.tensor = tensor, .range = {.box = {}}, .first = file.num_elements()};
    for (size_t dim = 0; dim < dims; ++dim) {
      stored.range.box.offset.push_back(number(3 + dim));
      stored.range.box.extent.push_back(number(3 + dims + dim));
    }
    stored.range.begin = number(1);
    stored.range.count = number(2);
    check_range(stored.range, of, place);
    if (stored.first > kMaxElements - stored.range.count)
      throw EnvironmentError("{}: has an absurd number of elements", place);
    for (layout::RangeBox& box : layout::boxes_of(stored.range)) boxes_[tensor].push_back(std::move(box.box));
    file.ranges.push_back(std::move(stored));
  }

  static void check_range(const layout::BoxRange& range, const StoredTensor& of, const std::string& place) {
    for (size_t dim = 0; dim < of.shape.size(); ++dim)
      if (range.box.extent[dim] < 1 || range.box.extent[dim] > of.shape[dim] ||
          range.box.offset[dim] > of.shape[dim] - range.box.extent[dim])
        // Not as a range: the sum of what a damaged file says may not be a number.
        throw EnvironmentError(
            "{}: a range of {} in the box at [{}] of extent [{}] does not lie inside the shape [{}]", place,
            of.name, fmt::join(range.box.offset, ", "), fmt::join(range.box.extent, ", "),
            fmt::join(of.shape, ", "));
    if (range.count < 1 || range.begin > range.box.num_elements() - range.count)
      throw EnvironmentError("{}: a range of {} has elements from {} on, {} of them, of a box of {}", place,
                             of.name, range.begin, range.count, range.box.num_elements());
  }

  void check_sizes(const StoredFile& file, const std::vector<uint32_t>& sum, const std::string& place) const {
    int64_t bytes = 0;
    if (file.data_begin % 8 != 0 ||
        __builtin_mul_overflow(file.num_elements(), element_bytes(manifest_.description), &bytes) ||
        __builtin_add_overflow(bytes, file.data_begin, &bytes) || bytes != file.bytes)
      throw EnvironmentError("{}: its header of {} bytes and {} elements do not make {} bytes", place,
                             file.data_begin, file.num_elements(), file.bytes);
    const int64_t chunks =
        file.bytes / manifest_.chunk_bytes + (file.bytes % manifest_.chunk_bytes == 0 ? 0 : 1);
    if (std::ssize(file.chunk_sums) != chunks)
      throw EnvironmentError("{}: has checksums of {} chunks, and {} chunks", place, file.chunk_sums.size(),
                             chunks);
    if (sum.size() != 1 || sum[0] != file.sum(manifest_.chunk_bytes))
      throw EnvironmentError("{}: the checksums of its chunks do not make that of the file", place);
  }

  const Manifest& manifest_;
  const std::string& place_;
  Unknown unknown_;
  std::set<std::string> names_;
  std::vector<std::vector<layout::Slice>> boxes_;  // of each tensor
};

}  // namespace

std::vector<StoredTensor> parse_tensors(const json& list, const std::string& place, Unknown unknown) {
  std::vector<StoredTensor> tensors;
  std::set<std::string> names;
  for (const json& entry : list) {
    StoredMembers members(entry, place + ": tensors");
    StoredTensor tensor{.name = members.text("name"), .shape = {}};
    const std::string here = fmt::format("{}: tensor {}", place, tensor.name);
    if (!names.insert(tensor.name).second) throw EnvironmentError("{}: is listed twice", here);
    for (const json& size : members.array("shape")) tensor.shape.push_back(size_in(size, here));
    if (tensor.shape.size() > kMaxDims) throw EnvironmentError("{}: has too many dims", here);
    check_shape(tensor.shape, here);
    if (unknown == Unknown::kRefused) members.finish();
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

std::vector<StoredFile> parse_files(const json& list, const Manifest& manifest, const std::string& place,
                                    Unknown unknown) {
  FileParser parser(manifest, place, unknown);
  std::vector<StoredFile> files;
  for (const json& entry : list) files.push_back(parser.file(entry));
  parser.check_coverage();
  return files;
}

}  // namespace tandem::checkpoint
