// SPDX-License-Identifier: Apache-2.0
#include "tandem/cli/shell.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>

#include <unistd.h>

#include "tandem/base/code_version.h"
#include "tandem/base/error.h"
#include "tandem/base/exit_code.h"
#include "tandem/cli/backtrace.h"
#include "tandem/cli/mapping_fault.h"
#include "tandem/cli/program_folder.h"
#include "tandem/cli/source_commit.h"
#include "tandem/cli/usage.h"

namespace tandem::cli {
namespace {

struct Failure {
  int code;
  std::string message;
};

/// libtorch throws its own kind for memory and adds a backtrace of its own behind the first line.
Failure foreign_failure(std::string_view message) {
  message = message.substr(0, message.find('\n'));
  if (message.find("can't allocate memory") != std::string_view::npos)
    return {kEnvironmentExit, fmt::format("out of memory: {}; use smaller batches or more ranks", message)};
  return {kBugExit, fmt::format("unexpected: {}; please report this", message)};
}

Failure failure_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return {error.exit_code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {kEnvironmentExit, "out of memory; use smaller batches or more ranks"};
  } catch (const std::system_error& error) {
    return {kEnvironmentExit, error.what()};
  } catch (const std::exception& error) {
    return foreign_failure(error.what());
  } catch (...) {
    return {kBugExit, "unexpected: an exception of unknown kind; please report this"};
  }
}

void print_failure(Failure failure) {
  for (char& c : failure.message)
    if (c == '\n' || c == '\r') c = ' ';
  std::fprintf(stderr, "error: %s\n", failure.message.c_str());
  if (backtrace_wanted()) print_last_backtrace(stderr);
}

void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    throw EnvironmentError("cannot write to standard output: {}", std::strerror(errno));
}

// Settings that libraries read once, before any of our code could pass them on. A user's own choice stands.
void set_library_defaults() {
  // Threads that wait for work spin long by default and starve a machine that does other work too: there a
  // rank of two threads was ten to fifty times slower.
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) ::setenv("GOMP_SPINCOUNT", "2000", 0);
  // oneDNN keeps a compiled product for each shape it met, ATen one more in each thread: a run whose rows
  // differ in length held a thousand of each. The products of one micro-batch are some forty.
  ::setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128", 0);
  ::setenv("LRU_CACHE_CAPACITY", "128", 0);
}

}  // namespace

int run_command_line(const std::vector<Command>& commands, int argc, char** argv) {
  CLI::App root("Trains encoder-decoder Transformers over data x tensor x pipeline ranks.", "tandem");
  root.set_version_flag("--version", "tandem " + code_version());
  root.require_subcommand(1);
  Actions actions;
  for (const Command& command : commands) {
    CLI::App* app = root.add_subcommand(command.name, command.summary);
    if (command.register_options != nullptr) command.register_options(*app, actions);
    for (const Command& part : command.parts) {
      CLI::App* subcommand = app->add_subcommand(part.name, part.summary);
      if (part.register_options != nullptr) part.register_options(*subcommand, actions);
    }
  }
  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    root.exit(help_or_version);
    flush_output();
    return 0;
  } catch (const CLI::ParseError& error) {
    throw InputError("{}", usage_problem(root, error));
  }
  const Action* action = actions.parsed(root);
  TANDEM_CHECK(action != nullptr, "{} has no action", deepest_parsed(root).get_name());
  const int code = (*action)();
  flush_output();
  return code;
}

int run_program(const std::function<int()>& body) noexcept {
  name_mapping_faults();
  set_source_commit(std::string(source_commit()));
  try {
    return body();
  } catch (...) {
    Failure failure = failure_of(std::current_exception());
    print_failure(failure);
    return failure.code;
  }
}

void hand_over(char** argv) {
  set_library_defaults();
  const std::string program = (program_folder() / "tandem-tensor").string();
  ::execv(program.c_str(), argv);
  throw EnvironmentError("cannot start {}: {}; build or install it beside tandem", program,
                         std::strerror(errno));
}

}  // namespace tandem::cli
