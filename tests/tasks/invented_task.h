// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "tandem/tasks/task_parser.h"

namespace tandem::tasks {

/// An invented task over one sentence with two labels, as JSON to change.
inline nlohmann::json invented_json() {
  return nlohmann::json::parse(R"({
    "name": "weather", "summary": "is the weather good", "format": "json_lines",
    "files": {"train_0": "train_0.json", "dev_0": "dev_0.json", "train_1": "train_1.json", "dev_1": "dev_1.json",
              "test_public": "test_public.json", "test": "test.json", "unlabeled": "unlabeled.json"},
    "id": ["id"],
    "inputs": {"sentence": {"path": "sentence", "cut": "end"}},
    "label": "label",
    "labels": [{"label": "1", "words": "晴"}, {"label": "2", "words": "雨"}],
    "patterns": [{"name": "first", "text": "今天_天。{sentence}"}],
    "metric": "accuracy",
    "submission": {"file": "weather_predict.json", "id": "integer", "member": "label", "type": "text"}
  })");
}

inline Task task_of(const nlohmann::json& json) { return parse_task(json.dump(), "weather.json"); }

/// An invented task whose lines bring three candidates for the gap #word# of their text.
inline nlohmann::json invented_candidates_json() {
  nlohmann::json json = invented_json();
  json.erase("labels");
  json["candidates"] = {{"path", "candidates"}, {"count", 3}};
  json["label"] = "answer";
  json["inputs"] = {{"content", {{"path", "content"}, {"gap", "#word#"}, {"cut", "far_from_gap"}}}};
  json["patterns"] = {{{"name", "passage"}, {"text", "读：{content}"}}};
  return json;
}

}  // namespace tandem::tasks
