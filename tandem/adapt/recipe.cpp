// SPDX-License-Identifier: Apache-2.0
#include "tandem/adapt/recipe.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tandem/base/atomic_file.h"
#include "tandem/base/strict_json.h"
#include "tandem/tasks/phrasing.h"
#include "tandem/tasks/user_members.h"

namespace tandem::adapt {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using tasks::UserMembers;

double positive(UserMembers& members, const std::string& key) {
  const double value = members.number(key);
  if (!(value > 0 && value <= 1e9)) members.refuse(fmt::format("'{}' is {}, not above 0", key, value));
  return value;
}

void check_pattern(const tasks::Task& task, const std::string& pattern, const UserMembers& members) {
  if (pattern == tasks::Phrasing::kPlain) return;
  if (std::ranges::count(task.patterns, pattern, &tasks::TaskPattern::name) == 0)
    members.refuse(fmt::format("{} has no pattern '{}'", task.name, pattern));
}

RecipeTask task_in(UserMembers members, const fs::path& folder, const FindTask& find) {
  RecipeTask entry{.task = find(members.short_text("task")),
                   .data = folder / members.short_text("data"),
                   .split = members.optional_text("split"),
                   .patterns = {}};
  if (members.find("patterns") != nullptr) {
    entry.patterns = members.texts("patterns");
    for (const std::string& pattern : entry.patterns) check_pattern(entry.task, pattern, members);
  } else {
    for (const tasks::TaskPattern& pattern : entry.task.patterns) entry.patterns.push_back(pattern.name);
  }
  if (members.find("soft") != nullptr) entry.soft = folder / members.short_text("soft");
  members.finish();
  return entry;
}

Sources text_in(UserMembers& members, const fs::path& folder) {
  Sources sources;
  for (const json& entry : members.array("text")) {
    UserMembers one(entry, fmt::format("{}: text[{}]", members.place(), sources.size()));
    sources.push_back({.path = (folder / one.short_text("path")).string()});
    if (one.find("weight") != nullptr) sources.back().weight = positive(one, "weight");
    one.finish();
  }
  return sources;
}

RecipeShares shares_in(UserMembers members) {
  RecipeShares shares;
  for (const auto& [key, share] : {std::pair("text", &shares.text), std::pair("unlabeled", &shares.unlabeled),
                                   std::pair("labelled", &shares.labelled)})
    if (members.find(key) != nullptr) *share = positive(members, key);
  members.finish();
  return shares;
}

}  // namespace

Recipe read_recipe(const fs::path& path, const FindTask& find) {
  const json root = parse_strict_json(read_file(path.string()), path.string());
  UserMembers members(root, path.string());
  const fs::path folder = fs::absolute(path).parent_path();
  Recipe recipe;
  for (const json& entry : members.array("tasks")) {
    const std::string place = fmt::format("{}: tasks[{}]", path.string(), recipe.tasks.size());
    RecipeTask task = task_in({entry, place}, folder, find);
    const auto same = [&](const RecipeTask& other) { return other.task.name == task.task.name; };
    if (std::ranges::any_of(recipe.tasks, same))
      members.refuse(fmt::format("the task {} is there twice", task.task.name));
    recipe.tasks.push_back(std::move(task));
  }
  if (recipe.tasks.empty()) members.refuse("'tasks' is empty");
  if (members.find("text") != nullptr) recipe.text = text_in(members, folder);
  if (members.find("unlabeled") != nullptr) recipe.unlabeled = members.boolean("unlabeled");
  if (members.find("shares") != nullptr) recipe.shares = shares_in(members.group("shares"));
  if (members.find("cap") != nullptr) recipe.cap = members.integer("cap", {.minimum = 1});
  if (members.find("temperature") != nullptr) recipe.temperature = positive(members, "temperature");
  members.finish();
  return recipe;
}

std::vector<double> parts_of_share(const std::vector<int64_t>& elements, int64_t cap, double temperature) {
  std::vector<double> parts;
  for (const int64_t count : elements)
    parts.push_back(std::pow(static_cast<double>(std::min(count, cap)), 1 / temperature));
  const double sum = std::accumulate(parts.begin(), parts.end(), 0.0);
  for (double& part : parts) part /= sum;
  return parts;
}

}  // namespace tandem::adapt
