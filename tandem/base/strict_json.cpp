// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/strict_json.h"

#include <set>
#include <string_view>
#include <vector>

#include "tandem/base/error.h"

namespace tandem {
namespace {

using nlohmann::json;

/// Refuses what the library would take: deep nesting, and of two equal keys silently the last.
class Watch {
 public:
  Watch(const std::string& name, int depth) : name_(name), depth_(depth) {}

  bool operator()(int depth, json::parse_event_t event, json& value) {
    if (depth > depth_) throw InputError("{}: nested deeper than {}", name_, depth_);
    if (event == json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      keys_.pop_back();
    } else if (event == json::parse_event_t::key) {
      if (!keys_.back().insert(value.get<std::string>()).second)
        throw InputError("{}: the key {} is there twice in one group; remove one", name_, value.dump());
    }
    return true;
  }

 private:
  const std::string& name_;
  int depth_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

std::string json_problem(const json::exception& error) {
  const std::string_view message = error.what();
  const size_t end = message.find("] ");
  return std::string(end == std::string_view::npos ? message : message.substr(end + 2));
}

json parse_strict_json(const std::string& text, const std::string& name, JsonLimits limits) {
  if (text.size() > limits.bytes)
    throw InputError("{}: {} bytes are more than {}", name, text.size(), limits.bytes);
  Watch watch(name, limits.depth);
  try {
    return json::parse(
        text, [&](int depth, json::parse_event_t event, json& value) { return watch(depth, event, value); },
        true, true);
  } catch (const json::exception& error) {
    throw InputError("{}: not JSON: {}", name, json_problem(error));
  }
}

}  // namespace tandem
