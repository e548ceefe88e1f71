// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tandem::tasks {

/// From where a part may lose characters when a sample is too long.
enum class Cut {
  kNever,
  kFromStart,
  kFromEnd,
  kFarFromGap,  ///< of an input that holds its gap: what stands before it from the start, the rest from the
                ///< end
};

/// Marks around a span of an input's text that a line points out.
struct SpanMark {
  std::string text;    ///< the member with the span's text
  std::string at;      ///< the member with the number of characters before it
  std::string before;  ///< written before the span
  std::string behind;  ///< written behind it
};

/// One text of a sample.
struct Input {
  std::string name;  ///< as patterns call it
  std::string path;  ///< the member of a line, as in "target.span1_text"
  std::string join;  ///< between the texts of a list; empty where the member is a text
  std::string gap;   ///< stands in the text where something is to be filled in; empty for most inputs
  Cut cut = Cut::kNever;
  std::vector<SpanMark> marks;
};

/// A piece of a rendered sample: a text, or a gap.
struct Part {
  enum class Kind { kText, kGap };
  Kind kind = Kind::kText;
  std::string text;       ///< never empty; of a gap always
  Cut cut = Cut::kNever;  ///< kNever, kFromStart or kFromEnd

  bool operator==(const Part&) const = default;
};

/// A sentence with places for inputs and gaps: `_` is a gap, `{name}` an input; `__`, `{{` and `}}` are the
/// characters themselves. An input that holds its gap brings one more.
class Pattern {
 public:
  /// Throws InputError that begins with `place` for an unknown input, a brace without its other, a pattern
  /// without an input or without a gap, and for gaps that can touch: pretraining never makes such.
  Pattern(std::string text, const std::vector<Input>& inputs, const std::string& place);

  const std::string& text() const { return text_; }
  size_t num_gaps() const { return num_gaps_; }

  /// Returns the parts for these values of all inputs, in the order of the task's inputs: num_gaps() gaps,
  /// whatever the values hold, and texts between them. A value with a gap must hold its mark exactly once
  /// (BugError; rows.h sees to it).
  std::vector<Part> render(const std::vector<std::string>& values) const;

 private:
  struct Piece {
    enum class Kind { kText, kInput, kGap };
    Kind kind;
    std::string text;  // of an input: its gap mark
    size_t input = 0;
    Cut cut = Cut::kNever;
  };
  class Parser;

  std::string text_;
  std::vector<Piece> pieces_;
  size_t num_gaps_ = 0;
};

/// Returns the parts as one text, each gap filled with the word of its number, counted from 0.
std::string fill(const std::vector<Part>& parts, const std::vector<std::string>& words);

/// Returns the parts as one text, a `_` for each gap.
std::string show(const std::vector<Part>& parts);

}  // namespace tandem::tasks
