// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tandem/cli/checkpoint_commands.h"
#include "tandem/cli/long_work.h"
#include "tandem/cli/output.h"
#include "tandem/interop/t5_export.h"
#include "tandem/interop/t5_import.h"
#include "tandem/observe/terminal.h"

namespace tandem::cli {
namespace {

using nlohmann::ordered_json;

struct ConversionOptions {
  std::string form, source, output;
  Output print;
};

// Adds what import and export share; the form is required, so that another one can come beside it.
void add_conversion_options(CLI::App& app, ConversionOptions& options, const char* form_flag,
                            const char* source_help) {
  app.add_option(form_flag, options.form,
                 "hf: a folder of Hugging Face Transformers, T5 v1.1, mT5 or flan-T5")
      ->required()
      ->check(CLI::IsMember({"hf"}));
  app.add_option("folder", options.source, source_help)->required();
  app.add_option("--output", options.output, "the folder to make; it must not be there yet")->required();
  options.print.add_to(app);
}

int print(const ConversionOptions& options, const ordered_json& document,
          const std::vector<std::string>& notes) {
  for (const std::string& note : notes) observe::standard_error().print("note: " + note);
  if (!options.print.json) return options.print.print(document);
  ordered_json all = document;
  all["notes"] = notes;
  return options.print.print(all);
}

const char* name_of(interop::ImportedHead head) {
  switch (head) {
    case interop::ImportedHead::kTied:
      return "tied";
    case interop::ImportedHead::kUntied:
      return "untied";
    case interop::ImportedHead::kTiedUnscaled:
      break;
  }
  return "tied without scaling, imported as an untied head of equal values";
}

int import_model(const ConversionOptions& options) {
  const Stopwatch watch;
  interop::T5Imported imported;
  do_long_work("import", [&](const checkpoint::ByteProgress& progress) {
    imported = interop::import_t5({.source = options.source, .output = options.output, .progress = progress});
  });
  return print(options,
               {{"output", options.output},
                {"step", imported.step.string()},
                {"model_type", imported.model_type},
                {"head", name_of(imported.head)},
                {"parameters", imported.parameters},
                {"bytes", imported.bytes},
                {"tokenizer", imported.has_tokenizer},
                {"sentinels", imported.sentinel_count},
                {"seconds", watch.seconds()}},
               imported.notes);
}

int export_model(const ConversionOptions& options) {
  const Stopwatch watch;
  interop::T5Exported exported;
  do_long_work("export", [&](const checkpoint::ByteProgress& progress) {
    exported =
        interop::export_t5({.checkpoint = options.source, .output = options.output, .progress = progress});
  });
  return print(options,
               {{"output", options.output},
                {"step", exported.step.string()},
                {"head", exported.tied_head ? "tied" : "untied"},
                {"parameters", exported.parameters},
                {"bytes", exported.bytes},
                {"tokenizer", exported.has_tokenizer},
                {"seconds", watch.seconds()}},
               exported.notes);
}

}  // namespace

void register_import(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<ConversionOptions>();
  CLI::App* app = parent.add_subcommand("import", "Make a checkpoint of another program's model");
  add_conversion_options(*app, *options, "--from", "the model's folder");
  actions.add(*app, [options] { return import_model(*options); });
}

void register_export(CLI::App& parent, Actions& actions) {
  const auto options = std::make_shared<ConversionOptions>();
  CLI::App* app = parent.add_subcommand("export", "Write a checkpoint's model for another program");
  add_conversion_options(*app, *options, "--to", "a run's folder, or that of one step");
  actions.add(*app, [options] { return export_model(*options); });
}

}  // namespace tandem::cli
