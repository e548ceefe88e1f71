// SPDX-License-Identifier: Apache-2.0
#include "tandem/checkpoint/rank_report.h"

#include <nlohmann/json.hpp>

namespace tandem::checkpoint {

using nlohmann::json;

namespace {

json failure_json(const std::optional<Failure>& failure) {
  if (!failure) return nullptr;
  return {{"kind", static_cast<int>(failure->kind)}, {"message", failure->message}};
}

std::optional<Failure> failure_of(const json& value) {
  if (value.is_null()) return std::nullopt;
  return Failure{.kind = static_cast<ErrorKind>(value.at("kind").get<int>()), .message = value.at("message")};
}

// File names in messages may be of any bytes.
std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string to_message(const RankReport& report) {
  json message = {
      {"run_id", report.run_id}, {"step", report.step}, {"failure", failure_json(report.failure)}};
  if (report.file) {
    const StoredFile& file = *report.file;
    json ranges = json::array();
    for (const StoredRange& stored : file.ranges)
      ranges.push_back({stored.tensor, stored.range.begin, stored.range.count, stored.range.box.offset,
                        stored.range.box.extent});
    message["file"] = {file.name, file.bytes, file.data_begin, file.chunk_sums, std::move(ranges)};
  }
  return dump(message);
}

RankReport report_of(const std::string& text) {
  const json message = json::parse(text);
  RankReport report{.run_id = message.at("run_id"),
                    .step = message.at("step"),
                    .failure = failure_of(message.at("failure"))};
  if (!message.contains("file")) return report;
  const json& file = message["file"];
  report.file = StoredFile{.name = file.at(0),
                           .bytes = file.at(1),
                           .data_begin = file.at(2),
                           .chunk_sums = file.at(3),
                           .ranges = {}};
  for (const json& range : file.at(4))
    report.file->ranges.push_back({.tensor = range.at(0),
                                   .range = {.box = {.offset = range.at(3), .extent = range.at(4)},
                                             .begin = range.at(1),
                                             .count = range.at(2)},
                                   .first = report.file->num_elements()});
  return report;
}

}  // namespace tandem::checkpoint
