// Mistakes in a target expression, and how they are shown.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "base/result.h"

namespace brine::target {

// What is wrong, and at which byte of the text that was parsed.
struct Mistake {
  std::size_t at = 0;
  std::string what;
  Code code = Code::kInvalid;
};

template <typename T>
using Parsed = std::expected<T, Mistake>;

inline std::unexpected<Mistake> mistake(std::size_t at, std::string what, Code code = Code::kInvalid) {
  return std::unexpected<Mistake>(Mistake{at, std::move(what), code});
}

// A mistake in a part, as seen from the whole text in which the part begins at `offset`.
inline std::unexpected<Mistake> mistake_in_part(Mistake found, std::size_t offset) {
  found.at += offset;
  return std::unexpected<Mistake>(std::move(found));
}

// Three lines: the message, the text, and a caret under byte `at` of it. A long text is shown around the caret; blanks of all kinds
// are shown as one blank, control characters and bytes that are not UTF-8 as '?', so the result may go to a terminal.
std::string with_caret(std::string_view message, std::string_view text, std::size_t at);

inline Error to_error(const Mistake& found, std::string_view text) { return Error{found.code, with_caret(found.what, text, found.at)}; }

}  // namespace brine::target
