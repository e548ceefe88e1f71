// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/log.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <string>
#include <system_error>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include "tandem/base/error.h"

namespace tandem::observe {
namespace {

constexpr std::array<const char*, 4> kNames = {"debug", "info", "warning", "error"};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::off;
}

class TerminalSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit TerminalSink(Terminal& terminal) : terminal_(terminal) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    terminal_.print({message.payload.data(), message.payload.size()});
  }
  void flush_() override {}

  Terminal& terminal_;
};

spdlog::sink_ptr open_file(const LogOptions& options) {
  const auto path = options.directory / fmt::format("rank_{:05}.log", options.rank);
  try {
    std::filesystem::create_directories(options.directory);
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    file->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v",
                                                                    spdlog::pattern_time_type::utc));
    return file;
  } catch (const std::exception& error) {
    throw EnvironmentError("cannot write the log {}: {}; make its folder writable", path.string(),
                           error.what());
  }
}

template <typename Function>
void for_each_line(std::string_view text, Function function) {
  while (true) {
    const size_t end = text.find('\n');
    function(text.substr(0, end));
    if (end == std::string_view::npos || end + 1 == text.size()) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

struct Log::Sinks {
  int rank;
  LogLevel lowest = LogLevel::kError;
  bool any = false;
  std::unique_ptr<spdlog::logger> file, terminal;

  std::unique_ptr<spdlog::logger> make(spdlog::sink_ptr sink, LogLevel level) {
    lowest = any ? std::min(lowest, level) : level;
    any = true;
    auto logger = std::make_unique<spdlog::logger>("tandem", std::move(sink));
    logger->set_level(spdlog_level(level));
    logger->flush_on(spdlog::level::trace);
    logger->set_error_handler([](const std::string&) {});  // The default one prints.
    return logger;
  }
};

Log::Log(const LogOptions& options) : sinks_(std::make_unique<Sinks>()) {
  sinks_->rank = options.rank;
  if (!options.directory.empty()) sinks_->file = sinks_->make(open_file(options), options.file_level);
  if (options.terminal != nullptr)
    sinks_->terminal =
        sinks_->make(std::make_shared<TerminalSink>(*options.terminal), options.terminal_level);
}

Log::~Log() = default;

bool Log::wants(LogLevel level) const { return sinks_->any && level >= sinks_->lowest; }

void Log::write(LogLevel level, std::string_view message) {
  const char* name = kNames[static_cast<size_t>(level)];
  for_each_line(message, [&](std::string_view line) {
    if (sinks_->file) sinks_->file->log(spdlog_level(level), "rank {} {} {}", sinks_->rank, name, line);
    if (!sinks_->terminal) return;
    if (level == LogLevel::kInfo) {
      sinks_->terminal->log(spdlog_level(level), "{}", line);
    } else {
      sinks_->terminal->log(spdlog_level(level), "{}: {}", name, line);
    }
  });
}

namespace {

struct ProcessLog {
  std::mutex mutex;
  std::shared_ptr<Log> log = std::make_shared<Log>(LogOptions{});
};

ProcessLog& holder() {
  // Never destroyed: threads may still log while the process exits.
  static auto* process_log = new ProcessLog;
  return *process_log;
}

}  // namespace

void set_process_log(std::shared_ptr<Log> log) {
  if (!log) log = std::make_shared<Log>(LogOptions{});
  const std::lock_guard lock(holder().mutex);
  holder().log.swap(log);
}

std::shared_ptr<Log> process_log() {
  const std::lock_guard lock(holder().mutex);
  return holder().log;
}

}  // namespace tandem::observe
