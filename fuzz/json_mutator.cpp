// SPDX-License-Identifier: Apache-2.0
#include "fuzz/json_mutator.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/base/error.h"
#include "tandem/base/strict_json.h"

namespace tandem::fuzz {

namespace {

using nlohmann::json;

class Change {
 public:
  Change(json& root, unsigned seed) : root_(root), random_(seed) {}

  void make() {
    std::vector<json*> values;
    collect(root_, values);
    json& target = *values[below(values.size())];
    const json other = *values[below(values.size())];
    if (below(6) == 0)
      target = other;
    else if (below(6) == 0)
      target = edge();
    else if (target.is_array())
      change_list(target, other);
    else if (target.is_object())
      change_object(target, other);
    else if (target.is_string())
      change_text(target);
    else if (target.is_number())
      change_number(target);
    else
      target = edge();
  }

 private:
  size_t below(size_t end) { return random_() % end; }

  static void collect(json& value, std::vector<json*>& values) {
    values.push_back(&value);
    if (value.is_structured())
      for (json& part : value) collect(part, values);
  }

  json edge() {
    static const std::vector<json> edges{nullptr,
                                         true,
                                         "",
                                         "..",
                                         "a/b",
                                         json::array(),
                                         json::object(),
                                         -1,
                                         0,
                                         1,
                                         2,
                                         8,
                                         1e308,
                                         5e-324,
                                         0.5,
                                         -0.0,
                                         INT32_MAX,
                                         int64_t{1} << 32,
                                         int64_t{1} << 56,
                                         (int64_t{1} << 56) + 1,
                                         int64_t{1} << 62,
                                         INT64_MAX,
                                         INT64_MIN,
                                         UINT64_MAX};
    return edges[below(edges.size())];
  }

  void change_list(json& list, const json& other) {
    const size_t from = list.empty() ? 0 : below(list.size());
    switch (below(4)) {
      case 0:
        if (!list.empty()) list.erase(from);
        break;
      case 1:
        if (!list.empty()) std::swap(list[from], list[below(list.size())]);
        break;
      case 2:
        list.push_back(list.empty() ? other : json(list[from]));
        break;
      default:
        list.push_back(other);
    }
  }

  void change_object(json& object, const json& other) {
    if (object.empty() || below(4) == 0) {
      object[text_of("new")] = other;
      return;
    }
    const auto place = std::next(object.begin(), static_cast<ptrdiff_t>(below(object.size())));
    if (below(2) == 0)
      object[text_of(place.key())] = json(place.value());
    else
      object.erase(place);
  }

  void change_text(json& text) { text = text_of(text.get<std::string>()); }

  // A changed text, valid UTF-8 once it was written and read as JSON.
  std::string text_of(std::string text) {
    const size_t length = text.size();
    text.resize(length + 16);
    text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(text.data()), length, text.size()));
    return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
  }

  void change_number(json& number) {
    if (number.is_number_float()) {
      const double value = number.get<double>();
      const std::array<double, 4> near{-value, value * 2, value / 3, value + 1};
      number = near[below(near.size())];
    } else {
      const auto value = number.get<uint64_t>();
      const std::array<uint64_t, 6> near{value + 1, value - 1, value + 8, value * 2, value / 2, ~value + 1};
      const uint64_t chosen = near[below(near.size())];
      number = chosen >> 63 != 0 ? json(static_cast<int64_t>(chosen)) : json(chosen);
    }
  }

  json& root_;
  std::minstd_rand random_;
};

}  // namespace

std::optional<std::string> changed_json(const std::string& text, unsigned seed) {
  json root;
  try {
    root = parse_strict_json(text, "input");
  } catch (const InputError&) {
    return std::nullopt;
  }
  const unsigned changes = 1 + seed % 3;
  for (unsigned i = 0; i < changes; ++i) Change(root, seed + i).make();
  return root.dump(-1, ' ', false, json::error_handler_t::replace);
}

size_t mutate_json(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  if (seed % 4 != 0) {
    const auto changed = changed_json(std::string(reinterpret_cast<const char*>(data), size), seed / 4);
    if (changed && changed->size() <= max_size) {
      std::memcpy(data, changed->data(), changed->size());
      return changed->size();
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

}  // namespace tandem::fuzz
