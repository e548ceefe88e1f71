// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/metrics.h"

#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/observe/log.h"

namespace tandem::observe {
namespace {

using Json = nlohmann::ordered_json;

double number_or_nan(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

/// Calls `visit(name, member)` for the members that every line has.
template <typename Metrics, typename Visit>
void for_each_required(Metrics& metrics, Visit visit) {
  visit("step", metrics.step);
  visit("loss", metrics.loss);
  visit("learning_rate", metrics.learning_rate);
  visit("gradient_norm", metrics.gradient_norm);
  visit("tokens", metrics.tokens);
  visit("tokens_per_second", metrics.tokens_per_second);
  visit("seconds", metrics.seconds);
}

void take(const Json& value, double& member) { member = number_or_nan(value); }
void take(const Json& value, int64_t& member) {
  if (!value.is_number_integer()) throw std::invalid_argument("not an integer");
  member = value.get<int64_t>();
}

Json to_json(const std::vector<SourceMetrics>& sources) {
  Json object = Json::object();
  for (const SourceMetrics& source : sources) {
    Json& figures = object[source.name];
    figures["rows"] = source.rows;
    if (source.validation_loss) figures["validation_loss"] = *source.validation_loss;
  }
  return object;
}

std::vector<SourceMetrics> sources_from_json(const Json& object) {
  std::vector<SourceMetrics> sources;
  for (const auto& [name, figures] : object.items()) {
    SourceMetrics& source = sources.emplace_back();
    source.name = name;
    take(figures.at("rows"), source.rows);
    if (figures.contains("validation_loss"))
      source.validation_loss = number_or_nan(figures.at("validation_loss"));
  }
  return sources;
}

StepMetrics from_json(Json& object) {
  StepMetrics metrics;
  for_each_required(metrics, [&](const char* name, auto& member) {
    take(object.at(name), member);
    object.erase(name);
  });
  for (const auto& [name, value] : object.items()) {
    if (name == "validation_loss") {
      metrics.validation_loss = number_or_nan(value);
    } else if (name == "sources") {
      metrics.sources = sources_from_json(value);
    } else if (name == "skipped") {
      metrics.skipped = value.get<std::string>();
    } else {
      metrics.more.emplace_back(name, number_or_nan(value));
    }
  }
  return metrics;
}

struct MetricsText {
  std::vector<StepMetrics> steps;
  bool clean = true;  ///< each line whole, none repeated
};

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

MetricsText parse_text(const std::filesystem::path& path, const std::string& text) {
  MetricsText result;
  result.clean = text.empty() || text.back() == '\n';
  size_t first_foreign = 0, number = 0;
  for (const std::string_view line : split_lines(text)) {
    ++number;
    std::optional<StepMetrics> metrics = parse_metrics(line);
    if (metrics && first_foreign > 0)
      throw InputError("{}:{}: not a line of metrics; repair the file or move it away", path.string(),
                       first_foreign);
    if (!metrics) {
      if (first_foreign == 0) first_foreign = number;
      result.clean = false;
      continue;
    }
    // A step that ran again after a resume replaces itself and what followed it.
    while (!result.steps.empty() && result.steps.back().step >= metrics->step) {
      result.steps.pop_back();
      result.clean = false;
    }
    result.steps.push_back(std::move(*metrics));
  }
  return result;
}

void warn_of_missing(const std::filesystem::path& path, size_t steps, int64_t last_step) {
  if (static_cast<int64_t>(steps) < last_step)
    process_log()->warning(
        "{}: has the metrics of {} of the {} steps so far; it was cut or moved, or the run went on "
        "otherwise in between",
        path.string(), steps, last_step);
}

const std::filesystem::path& keep_until(const std::filesystem::path& path, int64_t last_step) {
  MetricsText text;
  if (std::filesystem::exists(path)) text = parse_text(path, read_file(path));
  while (!text.steps.empty() && text.steps.back().step > last_step) {
    text.steps.pop_back();
    text.clean = false;
  }
  warn_of_missing(path, text.steps.size(), last_step);
  if (text.clean) return path;
  std::string kept;
  for (const StepMetrics& metrics : text.steps) kept += format_metrics(metrics) + '\n';
  write_file_atomically(path, kept);
  return path;
}

}  // namespace

std::string format_metrics(const StepMetrics& metrics) {
  Json object;
  for_each_required(metrics, [&](const char* name, const auto& member) { object[name] = member; });
  if (metrics.validation_loss) object["validation_loss"] = *metrics.validation_loss;
  if (!metrics.sources.empty()) object["sources"] = to_json(metrics.sources);
  if (metrics.skipped) object["skipped"] = *metrics.skipped;
  for (const auto& [name, value] : metrics.more) object[name] = value;
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<StepMetrics> parse_metrics(std::string_view line) {
  try {
    Json object = Json::parse(line);
    if (!object.is_object()) return std::nullopt;
    return from_json(object);
  } catch (const std::exception&) {
    return std::nullopt;  // Both a torn line and a foreign one; the caller knows which by its place.
  }
}

MetricsWriter::MetricsWriter(const std::filesystem::path& path, int64_t last_step)
    : file_(keep_until(path, last_step)), last_step_(last_step) {}

void MetricsWriter::write(const StepMetrics& metrics) {
  TANDEM_CHECK(metrics.step > last_step_, "step {} is written after step {}", metrics.step, last_step_);
  file_.append(format_metrics(metrics) + '\n');
  last_step_ = metrics.step;
}

std::vector<StepMetrics> read_metrics(const std::filesystem::path& path) {
  return parse_text(path, read_file(path)).steps;
}

}  // namespace tandem::observe
