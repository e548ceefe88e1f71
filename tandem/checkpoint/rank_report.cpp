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
  json slices = json::array();
  for (const WrittenSlice& slice : report.slices)
    slices.push_back({slice.tensor, static_cast<int>(slice.role), static_cast<int>(slice.type),
                      slice.box.offset, slice.box.extent, slice.position});
  json message = {{"run_id", report.run_id},
                  {"step", report.step},
                  {"failure", failure_json(report.failure)},
                  {"slices", std::move(slices)}};
  if (report.file) message["file"] = {report.file->name, report.file->bytes};
  return dump(message);
}

RankReport report_of(const std::string& text) {
  const json message = json::parse(text);
  RankReport report{.run_id = message.at("run_id"),
                    .step = message.at("step"),
                    .failure = failure_of(message.at("failure")),
                    .slices = {}};
  if (message.contains("file"))
    report.file = StoredFile{.name = message["file"].at(0), .bytes = message["file"].at(1)};
  for (const json& slice : message.at("slices"))
    report.slices.push_back({.tensor = slice.at(0),
                             .role = static_cast<Role>(slice.at(1).get<int>()),
                             .type = static_cast<DataType>(slice.at(2).get<int>()),
                             .box = {.offset = slice.at(3), .extent = slice.at(4)},
                             .position = slice.at(5)});
  return report;
}

}  // namespace tandem::checkpoint
