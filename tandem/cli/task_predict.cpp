// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tandem/adapt/evaluation.h"
#include "tandem/base/atomic_file.h"
#include "tandem/cli/command.h"
#include "tandem/cli/output.h"
#include "tandem/cli/task_model.h"
#include "tandem/tasks/submission.h"

namespace tandem::cli {
namespace {

struct PredictOptions {
  AskingOptions asking;
  std::string output;
};

int predict(const PredictOptions& options) {
  AskedTask asked(options.asking);
  const tasks::Rows& rows = asked.data().rows(asked.file().name);
  const std::string path = asked.data().path_of(asked.file()).string();
  const std::vector<size_t> answers =
      adapt::answers_of(asked.score(*asked.load(), options.asking.correction()), options.asking.form);
  const std::string lines = tasks::submission_of(asked.task(), rows, answers, path);
  tasks::check_submission(asked.task(), rows, lines, options.output);
  write_file_atomically(options.output, lines);
  if (options.asking.inference.json)
    print_json({{"task", asked.task().name},
                {"file", asked.file().name},
                {"samples", answers.size()},
                {"output", options.output}});
  else
    fmt::print("{}: {} answers to {} of {}\n", options.output, answers.size(), asked.file().name,
               asked.task().name);
  return 0;
}

}  // namespace

void register_task_predict(CLI::App& app, Actions& actions) {
  const auto options = std::make_shared<PredictOptions>();
  options->asking.add_to(app, "test");
  app.add_option("--output", options->output, "the file to write")->required()->type_name("FILE");
  actions.add(app, [options] { return predict(*options); });
}

}  // namespace tandem::cli
