// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/tensor_table.h"

#include <set>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/checkpoint/coverage.h"
#include "tandem/checkpoint/json_members.h"

namespace tandem::checkpoint {

namespace {

using layout::Shape;
using nlohmann::json;

constexpr size_t kMaxDims = 16;
constexpr int64_t kMaxElements = int64_t{1} << 56;  // times 8 bytes is still in range

class Parser {
 public:
  explicit Parser(const TensorTableContext& context) : context_(context) {}

  StoredTensor tensor(const json& entry) {
    JsonMembers members(entry, context_.place + ": tensors");
    StoredTensor tensor{.name = members.text("name"), .shape = sizes(members, "shape"), .roles = {}};
    const std::string place = fmt::format("{}: tensor {}", context_.place, tensor.name);
    if (!names_.insert(tensor.name).second) throw EnvironmentError("{}: is listed twice", place);
    check_shape(tensor.shape, place);
    JsonMembers roles(members.object("roles"), place);
    for (const Role role : context_.roles) {
      const std::string name(name_of(role)), role_place = fmt::format("{}, {}", place, name);
      StoredRole stored = read_role(roles.object(name), role_place);
      check_slices(stored, tensor.shape, role_place);
      tensor.roles.emplace(role, std::move(stored));
    }
    finish(roles);
    finish(members);
    return tensor;
  }

 private:
  void finish(const JsonMembers& members) const {
    if (!context_.may_have_more) members.finish();
  }

  static Shape sizes(JsonMembers& members, const std::string& key) {
    Shape sizes;
    for (const json& size : members.array(key)) {
      const bool fits = size.is_number_unsigned() && size.get<uint64_t>() <= uint64_t{kMaxElements};
      if (!fits || sizes.size() == kMaxDims)
        throw EnvironmentError("{}: '{}' is no list of sizes", members.place(), key);
      sizes.push_back(size.get<int64_t>());
    }
    return sizes;
  }

  static void check_shape(const Shape& shape, const std::string& place) {
    int64_t elements = 1;
    for (const int64_t extent : shape)
      if (extent < 1 || __builtin_mul_overflow(elements, extent, &elements) || elements > kMaxElements)
        throw EnvironmentError("{}: [{}] is no shape", place, fmt::join(shape, ", "));
  }

  StoredRole read_role(const json& entry, const std::string& place) const {
    JsonMembers members(entry, place);
    const std::string type_name = members.text("dtype");
    const std::optional<DataType> type = data_type_named(type_name);
    if (!type) throw EnvironmentError("{}: unknown dtype '{}'", place, type_name);
    StoredRole role{.type = *type, .slices = {}};
    for (const json& slice : members.array("slices")) {
      JsonMembers parts(slice, place);
      role.slices.push_back({.box = {.offset = sizes(parts, "offset"), .extent = sizes(parts, "extent")},
                             .file = static_cast<size_t>(parts.integer("file")),
                             .position = parts.integer("position")});
      finish(parts);
    }
    finish(members);
    return role;
  }

  void check_slices(const StoredRole& role, const Shape& shape, const std::string& place) const {
    std::vector<layout::Slice> boxes;
    for (const StoredSlice& slice : role.slices) boxes.push_back(slice.box);
    if (const auto problem = coverage_problem(shape, boxes))
      throw EnvironmentError("{}: {}", place, *problem);
    for (const StoredSlice& slice : role.slices) {
      if (slice.file >= context_.files.size())
        throw EnvironmentError("{}: points at file {} of {}", place, slice.file, context_.files.size());
      const StoredFile& file = context_.files[slice.file];
      if (slice.position > file.bytes - slice.box.num_elements() * size_bytes(role.type))
        throw EnvironmentError("{}: slice {} lies beyond the end of {}", place, to_string(slice.box),
                               file.name);
    }
  }

  const TensorTableContext& context_;
  std::set<std::string> names_;
};

}  // namespace

std::vector<StoredTensor> parse_tensor_table(const json& list, const TensorTableContext& context) {
  Parser parser(context);
  std::vector<StoredTensor> tensors;
  for (const json& entry : list) tensors.push_back(parser.tensor(entry));
  return tensors;
}

}  // namespace tandem::checkpoint
