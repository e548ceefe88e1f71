// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tandem/cli/command.h"
#include "tandem/cli/run_config_options.h"
#include "tandem/train/run_config.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;

struct ConfigOptions {
  RunConfigOptions run;
  bool json = false;
};

using Row = std::vector<std::string>;

/// Prints rows in columns as wide as their widest cell, the last one as it is.
void print_table(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i + 1 < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    fmt::print("{}{}\n", line, row.back());
  }
}

int show(const ConfigOptions& options) {
  train::ResolvedRun run = train::load_run_config(options.run.config, options.run.sets);
  if (options.json) {
    ordered_json origins = ordered_json::object();
    for (const FieldRef& field : list_fields(run.config))
      origins[field.key] = origin_name(run.origins.at(field.key));
    const ordered_json document = {
        {"config", config_to_json(run.config)}, {"origins", origins}, {"hash", hash_config(run.config)}};
    fmt::print("{}\n", document.dump(2));
    return 0;
  }
  std::vector<Row> rows{{"key", "value", "origin"}};
  for (const FieldRef& field : list_fields(run.config))
    rows.push_back({field.key, show_field(field), std::string(origin_name(run.origins.at(field.key)))});
  print_table(rows);
  return 0;
}

int keys(const ConfigOptions& options) {
  train::RunConfig defaults;
  const std::vector<FieldHelp> described = describe_fields(list_fields(defaults));
  if (options.json) {
    ordered_json document = ordered_json::array();
    for (const FieldHelp& help : described)
      document.push_back({{"key", help.key},
                          {"type", help.type},
                          {"unit", help.unit},
                          {"default", help.fallback},
                          {"meaning", help.meaning}});
    fmt::print("{}\n", document.dump(2));
    return 0;
  }
  std::vector<Row> rows{{"key", "type", "unit", "default", "meaning"}};
  for (const FieldHelp& help : described)
    rows.push_back({help.key, help.type, help.unit, help.fallback, help.meaning});
  print_table(rows);
  return 0;
}

}  // namespace

void register_config(CLI::App& app, Actions& actions) {
  app.require_subcommand(1);
  const auto options = std::make_shared<ConfigOptions>();
  CLI::App* show_app = app.add_subcommand("show", "Show every value of a run and where it came from");
  add_run_config_options(*show_app, options->run);
  show_app->add_flag("--json", options->json, "one JSON document: config, origins, hash");
  actions.add(*show_app, [options] { return show(*options); });

  CLI::App* keys_app = app.add_subcommand("keys", "Show every key with its type, unit, default and meaning");
  keys_app->add_flag("--json", options->json, "one JSON document: a list of keys");
  actions.add(*keys_app, [options] { return keys(*options); });
}

}  // namespace tandem::cli
