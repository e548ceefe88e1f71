// SPDX-License-Identifier: Apache-2.0
// One rank of `tandem launch --ranks N -- checkpoint_ranks ACTION FOLDER REPEATS`: saves or loads about 1 GB
// of training state, of which each rank holds an equal part. Rank 0 prints a line of JSON with the seconds of
// the slowest rank in each repetition. Actions:
//   save   a save beside training, then one that the caller waits for; each under a step number of its own
//   load   the newest step, by any number of ranks
//   limit  as load, by ranks that a memory cgroup holds to 64 MiB beyond what they have when it begins
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "tandem/base/error.h"
#include "tandem/checkpoint/background_saver.h"
#include "tandem/checkpoint/reader.h"
#include "tandem/checkpoint/retention.h"
#include "tandem/launch/environment.h"
#include "tandem/train/checkpointing.h"
#include "tandem/train/join.h"

using namespace tandem;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kMatrices = 19, kRows = 4096, kLastRows = 3556, kColumns = 1024, kAllowance = 64 << 20;
constexpr std::array kRoles{checkpoint::Role::kParameter, checkpoint::Role::kMoment1,
                            checkpoint::Role::kMoment2};

std::vector<layout::TensorSpec> tensors() {
  std::vector<layout::TensorSpec> list;
  for (int64_t i = 0; i <= kMatrices; ++i)
    list.push_back(
        {.name = fmt::format("matrix.{}", i), .shape = {i == kMatrices ? kLastRows : kRows, kColumns}});
  return list;
}

// What one rank holds: of each tensor as many rows as every other rank.
struct State {
  State(int rank, int size) {
    size_t bytes = 0;
    for (const layout::TensorSpec& spec : tensors())
      bytes += static_cast<size_t>(layout::num_elements(spec.shape) / size) * sizeof(float) * kRoles.size();
    values.resize(bytes / sizeof(float));
    size_t first = 0;
    for (const layout::TensorSpec& spec : tensors()) {
      const int64_t count = layout::num_elements(spec.shape) / size;
      const layout::BoxRange range{.box = layout::whole(spec.shape), .begin = rank * count, .count = count};
      parts.push_back({.name = spec.name, .range = range, .first = first});
      first += static_cast<size_t>(count) * kRoles.size();
    }
  }

  // Calls with each value and what it is at the start: a function of tensor, role and place in the tensor.
  void for_each(const std::function<void(float&, float)>& action) {
    for (size_t part = 0; part < parts.size(); ++part)
      for (size_t role = 0; role < kRoles.size(); ++role) {
        const auto count = static_cast<size_t>(parts[part].range.count);
        const auto begin = static_cast<size_t>(parts[part].range.begin);
        float* const first = values.data() + parts[part].first + role * count;
        for (size_t i = 0; i < count; ++i)
          action(first[i], static_cast<float>(((begin + i) * 31 + part * 7 + role) % 1000003));
      }
  }

  std::span<std::byte> bytes_of(size_t part, size_t role) {
    const auto count = static_cast<size_t>(parts[part].range.count);
    return std::as_writable_bytes(std::span(values).subspan(parts[part].first + role * count, count));
  }

  std::vector<checkpoint::Piece> pieces() {
    std::vector<checkpoint::Piece> list;
    for (size_t part = 0; part < parts.size(); ++part) {
      list.push_back({.tensor = part, .range = parts[part].range, .values = {}});
      for (size_t role = 0; role < kRoles.size(); ++role)
        list.back().values.emplace_back(std::span<const std::byte>(bytes_of(part, role)));
    }
    return list;
  }

  std::vector<checkpoint::StepReader::Request> requests() {
    std::vector<checkpoint::StepReader::Request> list;
    for (size_t part = 0; part < parts.size(); ++part)
      for (size_t role = 0; role < kRoles.size(); ++role)
        list.push_back({.tensor = parts[part].name,
                        .role = kRoles[role],
                        .range = parts[part].range,
                        .out = bytes_of(part, role)});
    return list;
  }

  struct Part {
    std::string name;
    layout::BoxRange range;
    size_t first;
  };
  std::vector<float> values;
  std::vector<Part> parts;
};

// Measures all ranks at once and keeps the slowest.
class Clock {
 public:
  explicit Clock(const comm::World& world) : agreement_(world.make_channel("clock")) {}

  void meet() {
    agreement_.gather("");
    agreement_.broadcast("");
  }

  void measure(const std::string& name, const std::function<void()>& action) {
    meet();
    const auto start = std::chrono::steady_clock::now();
    action();
    note(name, std::chrono::steady_clock::now() - start);
  }

  void note(const std::string& name, std::chrono::duration<double> seconds) {
    double slowest = 0;
    for (const std::string& text : agreement_.gather(fmt::format("{}", seconds.count())))
      slowest = std::max(slowest, std::stod(text));
    seconds_[name].push_back(slowest);
  }

  void print(nlohmann::json more) {
    if (agreement_.rank() != 0) return;
    more["seconds"] = seconds_;
    fmt::print("{}\n", more.dump());
  }

 private:
  train::ChannelAgreement agreement_;
  std::map<std::string, std::vector<double>> seconds_;
};

checkpoint::StepDescription description(int64_t step) {
  checkpoint::StepDescription made{.run_id = "benchmark", .step = step};
  for (const checkpoint::Role role : kRoles)
    made.roles.push_back({.role = role, .type = checkpoint::DataType::kF32});
  return made;
}

void save(const comm::World& world, const fs::path& folder, int repeats) {
  State state(world.rank(), world.size());
  state.for_each([](float& value, float initial) { value = initial; });
  const std::vector<checkpoint::Piece> pieces = state.pieces();
  std::vector<float> copy(state.values.size(), 1.0f);
  fs::create_directories(folder);
  Clock clock(world);
  checkpoint::BackgroundSaver saver({.folder = folder}, tensors(),
                                    std::make_unique<train::ChannelAgreement>(world.make_channel("saver")),
                                    {});
  saver.reserve(pieces);
  train::ChannelAgreement agreement(world.make_channel("waiting"));
  for (int64_t step = 1; step <= repeats; ++step) {
    clock.measure("copy",
                  [&] { std::memcpy(copy.data(), state.values.data(), copy.size() * sizeof(float)); });
    clock.measure("async to read back", [&] {
      const auto start = std::chrono::steady_clock::now();
      saver.begin(description(2 * step), pieces, 1);
      clock.note("async stall", std::chrono::steady_clock::now() - start);
      saver.wait();
    });
    const auto outcome = saver.take_outcome();
    if (!outcome || outcome->failure) throw EnvironmentError("{}", outcome->failure->message);
    clock.measure("save", [&] {
      checkpoint::save_step(
          {.folder = folder, .description = description(2 * step + 1), .tensors = tensors()}, pieces,
          agreement);
    });
  }
  clock.print({{"bytes", copy.size() * sizeof(float) * static_cast<size_t>(world.size())}});
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file) throw EnvironmentError("{}: cannot be written", path.string());
}

// Pages that this process takes from here on count, what it already has does not.
void limit_memory(int64_t bytes) {
  const fs::path group = fmt::format("/sys/fs/cgroup/memory/tandem_benchmark_{}", ::getpid());
  fs::create_directory(group);
  write(group / "memory.limit_in_bytes", std::to_string(bytes));
  write(group / "cgroup.procs", std::to_string(::getpid()));
}

void load(const comm::World& world, const fs::path& folder, int repeats, bool limited) {
  Clock clock(world);
  State state(world.rank(), world.size());
  const int64_t own = std::ssize(std::as_bytes(std::span(state.values)));
  if (limited) limit_memory(kAllowance);
  for (int turn = 0; turn < repeats; ++turn) {
    std::ranges::fill(state.values, 0.0f);
    clock.measure("load", [&] {
      const checkpoint::StepReader reader = checkpoint::StepReader::open(folder);
      reader.read(state.requests(), 1);
    });
  }
  state.for_each([](float value, float initial) { TANDEM_CHECK(value == initial); });
  clock.print({{"own_bytes", own}});
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw InputError("usage: checkpoint_ranks save|load|limit FOLDER REPEATS");
  const std::string action = argv[1];
  const fs::path folder = argv[2];
  const int repeats = std::atoi(argv[3]);
  const comm::World world = train::join({}, launch::read_rank_environment());
  if (action == "save")
    save(world, folder, repeats);
  else
    load(world, folder, repeats, action == "limit");
  return 0;
} catch (const Error& error) {
  fmt::print(stderr, "error: {}\n", error.what());
  return error.exit_code();
}
