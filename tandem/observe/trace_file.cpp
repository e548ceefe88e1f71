// SPDX-License-Identifier: Apache-2.0
// The trace event format is described in "Trace Event Format" (Google, chrome://tracing).
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tandem/base/atomic_file.h"
#include "tandem/base/error.h"
#include "tandem/observe/trace.h"

namespace tandem::observe {
namespace {

using Json = nlohmann::ordered_json;

std::string quoted(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Formats what every event of a span begins with, up to its time in microseconds.
std::string event_head(const char* phase, const TraceEvent& event, int rank, int64_t time_ns) {
  return fmt::format(R"({{"ph":"{}","name":{},"cat":{},"pid":{},"tid":{},"ts":{}.{:03})", phase,
                     quoted(event.span.name), quoted(event.span.category), rank, event.thread, time_ns / 1000,
                     time_ns % 1000);
}

std::string arguments(const SpanName& span) {
  return span.index < 0 ? "" : fmt::format(R"(,"args":{{"index":{}}})", span.index);
}

void append_span(std::string& text, const TraceEvent& event, int rank) {
  if (event.async_id == 0) {
    text += event_head("X", event, rank, event.start_ns);
    text += fmt::format(R"(,"dur":{}.{:03}{}}},)", event.duration_ns / 1000, event.duration_ns % 1000,
                        arguments(event.span));
    text += '\n';
    return;
  }
  // Ids of different ranks must differ: viewers match them over all processes.
  const std::string id = fmt::format(R"(,"id":"{:x}.{:x}")", rank, event.async_id);
  text += event_head("b", event, rank, event.start_ns) + id + arguments(event.span) + "},\n";
  text += event_head("e", event, rank, event.start_ns + event.duration_ns) + id + "},\n";
}

std::string metadata(const char* kind, int rank, int thread, std::string_view name) {
  return fmt::format(R"({{"ph":"M","name":"{}","pid":{},"tid":{},"args":{{"name":{}}}}},)", kind, rank,
                     thread, quoted(name)) +
         "\n";
}

void make_folder_of(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) throw EnvironmentError("cannot make the folder of {}: {}", path.string(), error.message());
}

}  // namespace

void Trace::write(const std::filesystem::path& path, int rank) const {
  std::vector<TraceEvent> spans = events();
  std::sort(spans.begin(), spans.end(),
            [](const TraceEvent& a, const TraceEvent& b) { return a.start_ns < b.start_ns; });
  std::string text = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
  for (const TraceEvent& span : spans) append_span(text, span, rank);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [thread, name] : thread_names_) text += metadata("thread_name", rank, thread, name);
  }
  std::string process = metadata("process_name", rank, 0, fmt::format("rank {}", rank));
  process.resize(process.size() - 2);
  text += process + fmt::format("\n],\"otherData\":{{\"rank\":{},\"dropped\":{}}}}}\n", rank, dropped());
  make_folder_of(path);
  write_file_atomically(path, text);
}

}  // namespace tandem::observe
