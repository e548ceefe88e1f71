// SPDX-License-Identifier: Apache-2.0
#include "crash_states.h"

#include <array>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "power_loss.h"
#include "recorder.h"
#include "scratch_folder.h"
#include "tandem/checkpoint/failure.h"

namespace tandem::checkpoint {

namespace fs = std::filesystem;

namespace {

constexpr int kMaxShown = 5;  // flaws of one scenario

std::string line_of(const Operation& operation) {
  constexpr std::array kNames{"create", "mkdir",    "rename", "unlink", "rmdir",
                              "write",  "truncate", "fsync",  "mark"};
  return std::string(kNames.at(static_cast<size_t>(operation.kind))) + " object " +
         std::to_string(operation.object) + " " + operation.name + " " + operation.new_name + " by machine " +
         std::to_string(operation.client);
}

DiskHistory record(const Scenario& scenario) {
  const ScratchFolder scratch(memory_folder());
  const fs::path disk = scratch / "disk";
  fs::create_directory(disk);
  scenario.before(disk);
  Recorder recorder(disk);
  scenario.action(disk, [&](const std::string& text) { recorder.mark(text); });
  return recorder.finish();
}

class Explorer {
 public:
  explicit Explorer(const Scenario& scenario) : scenario_(scenario), history_(record(scenario)) {}

  CrashCounts run(int draws, uint64_t seed) {
    std::mt19937_64 random(seed);
    for (size_t point = 0; point <= history_.operations.size() && shown_ < kMaxShown; ++point) {
      if (point > 0 && history_.operations[point - 1].kind == Operation::Kind::kMark)
        marks_.push_back(history_.operations[point - 1].name);
      look_at(history_.after(point), point, "the process ended");
      const PowerLoss loss(history_, point);
      for (int draw = 0; draw < draws; ++draw) {
        const int random_ways = PowerLoss::kWays - PowerLoss::kExtremes;
        const int way = draw < PowerLoss::kExtremes
                            ? draw
                            : PowerLoss::kExtremes + (draw - PowerLoss::kExtremes) % random_ways;
        look_at(loss.draw(way, random), point, "power was lost, way " + std::to_string(way));
      }
    }
    counts_.operations = static_cast<int>(history_.operations.size());
    return counts_;
  }

 private:
  void look_at(const Disk& disk, size_t point, const std::string& how) {
    ++counts_.drawn;
    if (!seen_.insert(std::to_string(marks_.size()) + "\n" + disk.to_text()).second) return;
    ++counts_.distinct;
    const fs::path root = scratch_ / "disk";
    disk.write_to(root);
    std::string flaw;
    if (const auto failure = attempt([&] { flaw = scenario_.flaw(root, marks_); })) flaw = failure->message;
    fs::remove_all(root);
    if (flaw.empty() || ++shown_ > kMaxShown) return;
    ADD_FAILURE() << how << " after operation " << point << " ("
                  << (point > 0 ? line_of(history_.operations[point - 1]) : "none") << "): " << flaw;
  }

  const Scenario& scenario_;
  const DiskHistory history_;
  const ScratchFolder scratch_{memory_folder()};
  std::vector<std::string> marks_;
  std::set<std::string> seen_;
  CrashCounts counts_;
  int shown_ = 0;
};

}  // namespace

CrashCounts explore(const Scenario& scenario, int draws, uint64_t seed) {
  return Explorer(scenario).run(draws, seed);
}

}  // namespace tandem::checkpoint
