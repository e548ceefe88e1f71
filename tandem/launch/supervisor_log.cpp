// SPDX-License-Identifier: Apache-2.0
#include "tandem/launch/supervisor_log.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/launch/log_file.h"

namespace tandem::launch {
namespace {

using nlohmann::ordered_json;

std::string utc_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = milliseconds / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:03}Z", text.data(), milliseconds % 1000);
}

/// What ranks say need not be UTF-8.
std::string to_text(const ordered_json& value, int indent) {
  return value.dump(indent, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json seconds_of(const Incarnation& incarnation) {
  return {{"run", round_to_milliseconds(incarnation.seconds)},
          {"stop", round_to_milliseconds(incarnation.stop_seconds)}};
}

}  // namespace

double round_to_milliseconds(double seconds) { return std::round(seconds * 1e3) / 1e3; }

SupervisorLog::SupervisorLog(Place place, Console& console) : place_(std::move(place)), console_(console) {
  if (place_.folder.empty()) return;
  file_ = open_log_file(place_.folder, fmt::format("supervisor_{}.jsonl", place_.node));
}

void SupervisorLog::write(std::string_view event, const ordered_json& members) {
  if (!file_) return;
  ordered_json line = {{"time", utc_now()}, {"event", event}};
  line.update(members);
  if (const int error = write_all(file_.get(), to_text(line, -1)); error != 0) {
    console_.print(Stream::kError,
                   fmt::format("launch: the log of the launcher ends here: {}", std::strerror(error)));
    file_.reset();
  }
}

std::string SupervisorLog::free_name(int attempt) const {
  const std::string node = place_.node == 0 ? "" : fmt::format("_node{}", place_.node);
  const std::string name = fmt::format("{}/failure_g{}{}", place_.folder, attempt, node);
  // An earlier launch with the same folder counted from 0 too.
  std::string path = name + ".json";
  for (int i = 2; std::filesystem::exists(std::filesystem::symlink_status(path)); ++i)
    path = fmt::format("{}_{}.json", name, i);
  return path;
}

void SupervisorLog::write_failure(int attempt, const Incarnation& incarnation) {
  if (place_.folder.empty()) return;
  ordered_json cause = {{"kind", name_of(incarnation.outcome)}};
  if (incarnation.cause) describe_ending(*incarnation.cause, cause);
  cause["message"] = incarnation.result.message;
  ordered_json ranks = ordered_json::array();
  for (const RankEnding& ending : incarnation.endings) {
    ordered_json& rank = ranks.emplace_back(ordered_json::object());
    describe_ending(ending, rank);
    rank["seconds"] = round_to_milliseconds(ending.seconds);
    rank["last_words"] = ending.last_words;
  }
  ordered_json report = {{"time", utc_now()}, {"node", place_.node}, {"attempt", attempt},
                         {"cause", cause},    {"ranks", ranks},      {"seconds", seconds_of(incarnation)}};
  report["committed_step"] =
      incarnation.committed ? ordered_json(*incarnation.committed) : ordered_json(nullptr);
  try {
    write_file_atomically(free_name(attempt), to_text(report, 1));
  } catch (const std::exception& error) {
    console_.print(Stream::kError, fmt::format("launch: no report of the failure: {}", error.what()));
  }
}

void describe_ending(const RankEnding& ending, ordered_json& members) {
  members["rank"] = ending.rank;
  if (ending.ending.signal != 0)
    members["signal"] = signal_name(ending.ending.signal);
  else
    members["exit_code"] = ending.ending.exit_code;
}

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kDone:
      return "done";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kLingered:
      return "lingered";
    case Outcome::kSignalled:
      return "signal";
    case Outcome::kOutputLost:
      return "output_lost";
  }
  return "unknown";
}

}  // namespace tandem::launch
