// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/pattern.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "tandem/base/error.h"
#include "tandem/base/nearest.h"

namespace tandem::tasks {
namespace {

std::string nearest_input(const std::string& name, const std::vector<Input>& inputs) {
  std::vector<std::string> names;
  for (const Input& input : inputs) names.push_back(input.name);
  return nearest_name(name, names);
}

void add_text(std::vector<Part>& parts, std::string text, Cut cut) {
  if (!text.empty()) parts.push_back({.kind = Part::Kind::kText, .text = std::move(text), .cut = cut});
}

void add_gap(std::vector<Part>& parts) { parts.push_back({.kind = Part::Kind::kGap, .text = {}}); }

struct GapMark {
  const std::string& mark;
  Cut cut;
};

void add_around_gap(std::vector<Part>& parts, const std::string& value, const GapMark& gap) {
  const size_t at = value.find(gap.mark);
  TANDEM_CHECK(at != std::string::npos, "no {} in a value", gap.mark);
  const bool is_cut = gap.cut == Cut::kFarFromGap;
  add_text(parts, value.substr(0, at), is_cut ? Cut::kFromStart : Cut::kNever);
  add_gap(parts);
  add_text(parts, value.substr(at + gap.mark.size()), is_cut ? Cut::kFromEnd : Cut::kNever);
}

}  // namespace

class Pattern::Parser {
 public:
  Parser(const std::string& text, const std::vector<Input>& inputs, const std::string& place)
      : text_(text), inputs_(inputs), place_(place) {}

  std::vector<Piece> parse() {
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      const bool is_doubled = at_ < text_.size() && text_[at_] == c;
      if (c != '_' && c != '{' && c != '}')
        literal_ += c;
      else if (is_doubled)
        literal_ += text_[at_++];
      else if (c == '_')
        add({.kind = Piece::Kind::kGap, .text = {}});
      else if (c == '{')
        add(input());
      else
        refuse("a } without its {; write }} for the character");
    }
    finish_literal();
    return std::move(pieces_);
  }

  [[noreturn]] void refuse(const std::string& problem) const {
    throw InputError("{}: the pattern \"{}\" has {}", place_, text_, problem);
  }

 private:
  void finish_literal() {
    if (!literal_.empty()) pieces_.push_back({.kind = Piece::Kind::kText, .text = std::move(literal_)});
    literal_.clear();
  }

  void add(Piece piece) {
    finish_literal();
    pieces_.push_back(std::move(piece));
  }

  Piece input() {
    const size_t end = text_.find('}', at_);
    if (end == std::string::npos) refuse("a { without its }; write {{ for the character");
    const std::string name = text_.substr(at_, end - at_);
    at_ = end + 1;
    const auto found = std::ranges::find(inputs_, name, &Input::name);
    if (found == inputs_.end())
      refuse(fmt::format("{{{}}}, which is no input; the nearest is {{{}}}", name,
                         nearest_input(name, inputs_)));
    return {.kind = Piece::Kind::kInput,
            .text = found->gap,
            .input = static_cast<size_t>(found - inputs_.begin()),
            .cut = found->cut};
  }

  const std::string& text_;
  const std::vector<Input>& inputs_;
  const std::string& place_;
  size_t at_ = 0;
  std::string literal_;
  std::vector<Piece> pieces_;
};

Pattern::Pattern(std::string text, const std::vector<Input>& inputs, const std::string& place)
    : text_(std::move(text)) {
  Parser parser(text_, inputs, place);
  pieces_ = parser.parse();
  size_t num_inputs = 0;
  bool follows_gap = false;
  for (const Piece& piece : pieces_) {
    const bool is_input = piece.kind == Piece::Kind::kInput;
    const bool has_gap = piece.kind == Piece::Kind::kGap || (is_input && !piece.text.empty());
    if (has_gap && follows_gap) parser.refuse("two gaps that can touch; write what stands between them");
    follows_gap = has_gap;
    num_inputs += is_input ? 1 : 0;
    num_gaps_ += has_gap ? 1 : 0;
  }
  if (num_inputs == 0) parser.refuse("no input; write {name} where a sample's text belongs");
  if (num_gaps_ == 0) parser.refuse("no gap; write _ where the answer belongs");
}

std::vector<Part> Pattern::render(const std::vector<std::string>& values) const {
  std::vector<Part> parts;
  for (const Piece& piece : pieces_) {
    if (piece.kind == Piece::Kind::kGap)
      add_gap(parts);
    else if (piece.kind == Piece::Kind::kText)
      add_text(parts, piece.text, Cut::kNever);
    else if (piece.text.empty())
      add_text(parts, values.at(piece.input), piece.cut);
    else
      add_around_gap(parts, values.at(piece.input), {.mark = piece.text, .cut = piece.cut});
  }
  return parts;
}

std::string fill(const std::vector<Part>& parts, const std::vector<std::string>& words) {
  std::string text;
  size_t gap = 0;
  for (const Part& part : parts) text += part.kind == Part::Kind::kGap ? words.at(gap++) : part.text;
  return text;
}

std::string show(const std::vector<Part>& parts) {
  std::string text;
  for (const Part& part : parts) text += part.kind == Part::Kind::kGap ? "_" : part.text;
  return text;
}

}  // namespace tandem::tasks
