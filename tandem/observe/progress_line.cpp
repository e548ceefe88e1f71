// SPDX-License-Identifier: Apache-2.0
#include "tandem/observe/progress_line.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "tandem/base/utf8.h"

namespace tandem::observe {
namespace {

constexpr int kShortestBar = 10, kLongestBar = 40;

double share_done(const ProgressOptions& options, const ProgressState& state) {
  return std::clamp(static_cast<double>(state.done) / static_cast<double>(options.total), 0.0, 1.0);
}

int percent(double share) { return static_cast<int>(share * 100); }

std::string numbers(const ProgressOptions& options, const ProgressState& state) {
  std::string text =
      options.total > 0 ? fmt::format("{}/{}", state.done, options.total) : fmt::format("{}", state.done);
  if (!options.unit.empty()) text += ' ' + options.unit;
  return text;
}

std::string draw_bar(double share, int cells, TerminalStyle style) {
  const int full = static_cast<int>(share * cells);
  std::string bar;
  if (style == TerminalStyle::kAscii) {
    for (int i = 0; i < cells; ++i) bar += i < full ? '=' : i == full ? '>' : ' ';
    return '[' + bar + ']';
  }
  const bool half = share * cells - full >= 0.5;
  for (int i = 0; i < cells; ++i) bar += i < full ? "━" : i == full && half ? "╸" : "─";
  return bar;
}

/// One piece of the redrawn line; what has the highest `dropped` goes first when there is no room.
struct Piece {
  std::string text;
  int dropped;
};

int width_of(const std::vector<Piece>& pieces) {
  int width = 0;
  for (const Piece& piece : pieces)
    width += (width > 0 ? 2 : 0) + static_cast<int>(num_characters(piece.text));
  return width;
}

std::vector<Piece> pieces_of(const ProgressOptions& options, const ProgressState& state, TimeLeft left) {
  std::vector<Piece> pieces = {{fmt::format("{} {}", options.label, numbers(options, state)), 0}};
  if (options.total > 0) pieces.push_back({fmt::format("{:3}%", percent(share_done(options, state))), 1});
  if (state.loss) pieces.push_back({fmt::format("loss {:.4f}", *state.loss), 0});
  if (state.tokens_per_second)
    pieces.push_back({fmt::format("{} tokens/s", format_rate(*state.tokens_per_second)), 3});
  if (state.gemm_share) pieces.push_back({fmt::format("{:.0f}% of GEMM peak", *state.gemm_share * 100), 5});
  if (left) pieces.push_back({fmt::format("{} left", format_duration(*left)), 2});
  return pieces;
}

void drop_first(std::vector<Piece>& pieces) {
  const auto first = std::max_element(pieces.begin(), pieces.end(),
                                      [](const Piece& a, const Piece& b) { return a.dropped < b.dropped; });
  pieces.erase(first);
}

int highest(const std::vector<Piece>& pieces) {
  int result = 0;
  for (const Piece& piece : pieces) result = std::max(result, piece.dropped);
  return result;
}

}  // namespace

std::string format_duration(std::chrono::duration<double> duration) {
  const auto seconds = static_cast<int64_t>(std::llround(std::clamp(duration.count(), 0.0, 3.0e9)));
  const int64_t days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
  if (days > 0) return fmt::format("{}d {:02}:{:02}:{:02}", days, hours, minutes, seconds % 60);
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, seconds % 60);
  return fmt::format("{}:{:02}", minutes, seconds % 60);
}

std::string format_rate(double per_second) {
  const char* suffix = "";
  for (const char* larger : {"k", "M", "G"}) {
    if (!(std::abs(per_second) >= 999.5)) break;
    per_second /= 1000, suffix = larger;
  }
  if (*suffix == '\0') return fmt::format("{:.0f}", per_second);
  return fmt::format("{:.{}f}{}", per_second, per_second >= 99.95 ? 0 : per_second >= 9.995 ? 1 : 2, suffix);
}

std::string format_plain_line(const ProgressOptions& options, const ProgressState& state, TimeLeft left) {
  std::string line = fmt::format("{} {}", options.label, numbers(options, state));
  if (options.total > 0) line += fmt::format(" ({}%)", percent(share_done(options, state)));
  if (state.loss) line += fmt::format(", loss {:.4f}", *state.loss);
  if (state.tokens_per_second) line += fmt::format(", {} tokens/s", format_rate(*state.tokens_per_second));
  if (state.gemm_share) line += fmt::format(", {:.0f}% of GEMM peak", *state.gemm_share * 100);
  if (left) line += fmt::format(", {} left", format_duration(*left));
  return line;
}

std::string format_bar_line(const ProgressOptions& options, const ProgressState& state, TimeLeft left,
                            const Terminal& terminal) {
  const int columns = terminal.columns(), frame = terminal.style() == TerminalStyle::kAscii ? 2 : 0;
  std::vector<Piece> pieces = pieces_of(options, state, left);
  while (highest(pieces) > 4 && width_of(pieces) + 2 + kShortestBar + frame > columns) drop_first(pieces);
  if (const int room = columns - width_of(pieces) - 2 - frame; options.total > 0 && room >= kShortestBar) {
    const int cells = std::min(room, kLongestBar);
    pieces.insert(pieces.begin() + 1, {draw_bar(share_done(options, state), cells, terminal.style()), 4});
  }
  while (highest(pieces) > 0 && width_of(pieces) > columns) drop_first(pieces);
  std::string line;
  for (const Piece& piece : pieces) line += (line.empty() ? "" : "  ") + piece.text;
  return line;
}

}  // namespace tandem::observe
