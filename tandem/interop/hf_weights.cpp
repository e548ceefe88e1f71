// SPDX-License-Identifier: Apache-2.0
#include "tandem/interop/hf_weights.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"
#include "tandem/checkpoint/names.h"
#include "tandem/interop/foreign_file.h"
#include "tandem/interop/half.h"

namespace tandem::interop {

namespace fs = std::filesystem;
using checkpoint::DataType;
using nlohmann::json;

namespace {

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr int64_t kMaxIndexBytes = int64_t{64} << 20;
constexpr int64_t kElementsAtOnce = 1 << 17;  // 1 MiB as F64

[[noreturn]] void refuse_folder(const fs::path& folder) {
  for (const char* pickled : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
    if (leads_somewhere(folder / pickled))
      throw InputError(
          "{} is pickled, and pickles are never read; save the model as safetensors "
          "(save_pretrained with safe_serialization=True) and import that",
          (folder / pickled).string());
  throw InputError("{} holds neither {} nor {}; give the folder of a model saved by Transformers",
                   folder.string(), kWeights, kIndex);
}

// Names of tensors by their file.
std::map<std::string, std::set<std::string>> read_index(const fs::path& path) {
  const std::string place = path.string();
  const json index =
      parse_strict_json(read_foreign_text(path, kMaxIndexBytes), place, {.bytes = size_t{kMaxIndexBytes}});
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
    throw InputError("{}: has no object 'weight_map'", place);
  std::map<std::string, std::set<std::string>> files;
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    if (!file.is_string() || !checkpoint::is_plain_file_name(file.get<std::string>()) ||
        !file.get<std::string>().ends_with(".safetensors"))
      throw InputError("{}: weight_map puts {} into {}, which is no name of a .safetensors file beside it",
                       place, tensor, file.dump(-1, ' ', false, json::error_handler_t::replace));
    files[file.get<std::string>()].insert(tensor);
  }
  if (files.empty()) throw InputError("{}: weight_map is empty", place);
  return files;
}

// Returns the place of the first element that is infinite or not a number: all bits of its exponent are set.
template <class Bits>
std::optional<size_t> first_not_finite(std::span<const std::byte> elements, Bits exponent) {
  for (size_t i = 0; i < elements.size() / sizeof(Bits); ++i) {
    Bits bits = 0;
    std::memcpy(&bits, elements.data() + i * sizeof(Bits), sizeof(Bits));
    if ((bits & exponent) == exponent) return i;
  }
  return std::nullopt;
}

std::optional<size_t> first_not_finite(std::span<const std::byte> elements, DataType type) {
  switch (type) {
    case DataType::kBF16:
      return first_not_finite(elements, uint16_t{0x7f80});
    case DataType::kF32:
      return first_not_finite(elements, uint32_t{0x7f800000});
    case DataType::kF64:
      return first_not_finite(elements, uint64_t{0x7ff0000000000000});
    case DataType::kI64:
      break;
  }
  return std::nullopt;
}

}  // namespace

HfWeights HfWeights::open(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) throw InputError("{} is no folder", folder.string());
  HfWeights weights(folder);
  // Transformers looks for them in this order too.
  const bool has_index = leads_somewhere(folder / kIndex);
  if (leads_somewhere(folder / kWeights)) {
    weights.add_file(kWeights);
    if (has_index)
      weights.notes_.push_back(fmt::format(
          "{} is taken and {} is not, as Transformers does; remove the one that is not the model's", kWeights,
          kIndex));
  } else if (has_index) {
    weights.add_indexed_files(folder / kIndex);
  } else {
    refuse_folder(folder);
  }
  return weights;
}

void HfWeights::add_file(const std::string& name) {
  require_file(folder_ / name);
  files_.push_back(checkpoint::File::open(folder_ / name, checkpoint::Links::kFollow));
  for (auto& [tensor, entry] : checkpoint::read_safetensors_header(files_.back()).entries) {
    const auto [place, added] = tensors_.emplace(
        tensor, HfTensor{.name = tensor, .file = files_.size() - 1, .entry = std::move(entry)});
    if (!added)
      throw InputError("{}: {} is in {} as well", (folder_ / name).string(), tensor,
                       files_[place->second.file].path().filename().string());
  }
}

void HfWeights::add_indexed_files(const fs::path& index) {
  const auto indexed = read_index(index);
  for (const auto& [file, tensors] : indexed) require_file(folder_ / file);
  for (const auto& [file, tensors] : indexed) {
    add_file(file);
    for (const std::string& tensor : tensors)
      if (const HfTensor* found = find(tensor); found == nullptr || found->file != files_.size() - 1)
        throw InputError("{}: weight_map puts {} into {}, which does not hold it", index.string(), tensor,
                         file);
    for (const auto& [tensor, found] : tensors_)
      if (found.file == files_.size() - 1 && !tensors.contains(tensor))
        throw InputError("{}: holds {}, which weight_map does not put there", (folder_ / file).string(),
                         tensor);
  }
}

const HfTensor* HfWeights::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

void HfWeights::read(const HfTensor& tensor, int64_t first_element, DataType type,
                     std::span<std::byte> out) const {
  read_as(tensor, first_element, type, out);
  if (const auto place = first_not_finite(out, type))
    throw InputError(
        "{}: tensor {} is not finite at element {} (NaN or infinite); such a model computes nothing, take a "
        "whole "
        "copy of it",
        files_[tensor.file].path().string(), tensor.name, first_element + static_cast<int64_t>(*place));
}

void HfWeights::read_as(const HfTensor& tensor, int64_t first_element, DataType type,
                        std::span<std::byte> out) const {
  const checkpoint::File& file = files_[tensor.file];
  const std::optional<DataType> stored = checkpoint::data_type_named(tensor.entry.type);
  const bool is_half = tensor.entry.type == "F16";
  const int64_t from_bytes = is_half ? 2 : checkpoint::size_bytes(stored.value()),
                to_bytes = checkpoint::size_bytes(type);
  const int64_t first_byte = tensor.entry.position + first_element * from_bytes;
  if (stored == type) return file.read_at(first_byte, out);
  const int64_t count = std::ssize(out) / to_bytes;
  std::vector<std::byte> raw, wide;
  for (int64_t done = 0; done < count; done += kElementsAtOnce) {
    const int64_t now = std::min(count - done, kElementsAtOnce);
    raw.resize(static_cast<size_t>(now * from_bytes));
    file.read_at(first_byte + done * from_bytes, raw);
    if (is_half) {
      wide.resize(static_cast<size_t>(now * 4));
      widen_half(raw, wide);
    }
    checkpoint::convert(
        is_half ? DataType::kF32 : *stored, is_half ? wide : raw, type,
        out.subspan(static_cast<size_t>(done * to_bytes), static_cast<size_t>(now * to_bytes)));
  }
}

bool is_weight_type(const std::string& type) {
  constexpr std::array<std::string_view, 4> kTypes{"F32", "BF16", "F16", "F64"};
  return std::ranges::count(kTypes, type) > 0;
}

DataType common_type(std::span<const HfTensor* const> tensors) {
  const auto has = [](std::string_view type) {
    return [type](const HfTensor* tensor) { return tensor->entry.type == type; };
  };
  if (std::ranges::any_of(tensors, has("F64"))) return DataType::kF64;
  return std::ranges::all_of(tensors, has("BF16")) ? DataType::kBF16 : DataType::kF32;
}

}  // namespace tandem::interop
