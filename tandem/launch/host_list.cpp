// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/host_list.h"

#include <optional>

#include "tandem/base/error.h"
#include "tandem/launch/number.h"

namespace tandem::launch {
namespace {

constexpr int64_t kMostNodes = 1'000'000;

/// Takes the text before the first `separator` off `rest`; all of it where there is none.
std::string_view take_until(std::string_view& rest, char separator) {
  const size_t end = rest.find(separator);
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return taken;
}

/// What the inside of a bracket stands for: how many numbers, and the first as it is written.
struct Numbers {
  std::string_view first;
  int64_t count = 0;
};

std::optional<Numbers> parse_numbers(std::string_view ranges) {
  Numbers numbers;
  if (ranges.empty() || ranges.back() == ',') return std::nullopt;
  while (!ranges.empty()) {
    std::string_view high_text = take_until(ranges, ',');
    const std::string_view low_text =
        high_text.find('-') == std::string_view::npos ? high_text : take_until(high_text, '-');
    const auto low = parse_number(low_text), high = parse_number(high_text);
    if (!low || !high || *low > *high || *high - *low >= kMostNodes) return std::nullopt;
    if (numbers.count == 0) numbers.first = low_text;
    numbers.count += *high - *low + 1;
    if (numbers.count > kMostNodes) return std::nullopt;
  }
  return numbers;
}

/// Takes one entry of the list, up to a comma outside of brackets.
std::optional<HostList> take_hosts(std::string_view& rest) {
  HostList hosts{.first = {}, .count = 1};
  while (!rest.empty() && rest.front() != ',') {
    const size_t bracket = rest.find_first_of("[],");
    hosts.first += rest.substr(0, bracket);
    rest.remove_prefix(bracket == std::string_view::npos ? rest.size() : bracket);
    if (rest.empty() || rest.front() == ',') break;
    const size_t close = rest.find(']');
    if (rest.front() == ']' || close == std::string_view::npos) return std::nullopt;
    const auto numbers = parse_numbers(rest.substr(1, close - 1));
    if (!numbers || hosts.count * numbers->count > kMostNodes) return std::nullopt;
    hosts.first += numbers->first;
    hosts.count *= numbers->count;
    rest.remove_prefix(close + 1);
  }
  if (hosts.first.empty()) return std::nullopt;
  return hosts;
}

}  // namespace

HostList parse_host_list(std::string_view list) {
  HostList all;
  for (std::string_view rest = list;;) {
    const auto hosts = take_hosts(rest);
    if (!hosts || all.count + hosts->count > kMostNodes)
      throw InputError("'{}' is no Slurm node list such as node[003-010,12]", list);
    if (all.count == 0) all.first = hosts->first;
    all.count += hosts->count;
    if (rest.empty()) return all;
    rest.remove_prefix(1);
  }
}

int64_t tasks_of_node(std::string_view list, int64_t index) {
  for (std::string_view rest = list; !rest.empty();) {
    std::string_view repeat_text = take_until(rest, ',');
    const bool repeats = repeat_text.ends_with(')') && repeat_text.find("(x") != std::string_view::npos;
    const auto tasks = parse_number(repeats ? take_until(repeat_text, '(') : repeat_text);
    const auto repeat = repeats ? parse_number(repeat_text.substr(1, repeat_text.size() - 2)) : 1;
    if (!tasks || !repeat) throw InputError("'{}' is no Slurm list of tasks by node such as 2(x3),1", list);
    if (index < *repeat) return *tasks;
    index -= *repeat;
  }
  return 0;
}

}  // namespace tandem::launch
