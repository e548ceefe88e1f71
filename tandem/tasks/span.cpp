// SPDX-License-Identifier: Apache-2.0
#include "tandem/tasks/span.h"

#include <algorithm>
#include <functional>

#include "tandem/base/error.h"
#include "tandem/base/utf8.h"

namespace tandem::tasks {
namespace {

// Where the character of this number begins; the end for all that are too large.
size_t byte_of(std::string_view text, int64_t character) {
  size_t at = 0;
  while (at < text.size() && (!begins_character(text[at]) || character-- > 0)) ++at;
  return at;
}

}  // namespace

bool holds(std::string_view text, const Span& span) {
  return span.at >= 0 && span.at <= num_characters(text) &&
         text.substr(byte_of(text, span.at)).starts_with(span.text);
}

bool overlap(const Span& a, const Span& b) {
  return a.at < b.at + num_characters(b.text) && b.at < a.at + num_characters(a.text);
}

std::string with_marks(std::string text, std::vector<Span> spans) {
  // From the last to the first: those before keep their places.
  std::ranges::sort(spans, std::greater(), &Span::at);
  for (const Span& span : spans) {
    TANDEM_CHECK(holds(text, span), "no '{}' at character {}", span.text, span.at);
    const size_t begin = byte_of(text, span.at);
    text.replace(begin, span.text.size(), span.before + span.text + span.behind);
  }
  return text;
}

}  // namespace tandem::tasks
