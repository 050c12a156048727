#include "target/glob.h"

#include <algorithm>

namespace brine::target {
namespace {

// The place of the ']' that closes the '[' before `begin`. A ']' that comes first is a member.
std::size_t end_of_set(std::string_view pattern, std::size_t begin) {
  std::size_t from = begin;
  if (from < pattern.size() && pattern[from] == '!') ++from;
  if (from < pattern.size() && pattern[from] == ']') ++from;
  return from < pattern.size() ? pattern.find(']', from) : std::string_view::npos;
}

}  // namespace

Parsed<Glob> Glob::compile(std::string_view pattern, Case letters) {
  Glob glob;
  glob.letters_ = letters;
  for (std::size_t pos = 0; pos < pattern.size();) {
    if (glob.elements_.size() >= kMaxElements) return mistake(pos, "a pattern has at most 1024 characters");
    const CodePoint point = code_point_at(pattern, pos);
    pos += point.size;
    if (point.value == '*') {
      if (glob.elements_.empty() || glob.elements_.back().type != Type::kStar) glob.elements_.push_back({0, Type::kStar});
    } else if (point.value == '?') {
      glob.elements_.push_back({0, Type::kAny});
    } else if (const auto end = point.value == '[' ? glob.add_set(pattern, pos) : std::nullopt) {
      glob.elements_.push_back({static_cast<char32_t>(glob.sets_.size() - 1), Type::kSet});
      pos = *end;
    } else {
      glob.elements_.push_back({fold(point.value, letters), Type::kChar});
    }
  }
  glob.is_literal_ = std::ranges::all_of(glob.elements_, [](const Element& element) { return element.type == Type::kChar; });
  if (glob.is_literal_ && letters == Case::kSensitive) glob.literal_ = pattern;
  glob.elements_.shrink_to_fit();
  return glob;
}

std::optional<std::size_t> Glob::add_set(std::string_view pattern, std::size_t at) {
  const std::size_t close = end_of_set(pattern, at);
  if (close == std::string_view::npos) return std::nullopt;
  Set set;
  if (pattern[at] == '!') {
    set.negated = true;
    ++at;
  }
  const std::string_view inside = pattern.substr(0, close);
  while (at < close) {
    const CodePoint low = code_point_at(inside, at);
    CodePoint high = low;
    at += low.size;
    if (at + 1 < close && inside[at] == '-') {
      high = code_point_at(inside, at + 1);
      at += 1U + high.size;
    }
    set.ranges.emplace_back(fold(low.value, letters_), fold(high.value, letters_));
  }
  sets_.push_back(std::move(set));
  return close + 1;
}

bool Glob::matches_one(const Element& element, char32_t c) const {
  if (element.type == Type::kAny) return true;
  if (element.type == Type::kChar) return element.value == c;
  const Set& set = sets_[element.value];
  return std::ranges::any_of(set.ranges, [c](const auto& range) { return c >= range.first && c <= range.second; }) != set.negated;
}

bool Glob::matches(std::string_view text) const {
  if (is_literal_ && letters_ == Case::kSensitive) return text == literal_;
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t pos = 0;
  std::size_t element = 0;
  // Only the last star seen is ever tried again: what lies before it has matched as early as it can.
  std::size_t after_star = kNone;
  std::size_t retry_at = 0;
  while (pos < text.size()) {
    if (element < elements_.size() && elements_[element].type == Type::kStar) {
      if (++element == elements_.size()) return true;
      after_star = element;
      retry_at = pos;
      continue;
    }
    const CodePoint point = code_point_at(text, pos);
    if (element < elements_.size() && matches_one(elements_[element], fold(point.value, letters_))) {
      pos += point.size;
      ++element;
    } else if (after_star != kNone) {
      retry_at += code_point_at(text, retry_at).size;
      pos = retry_at;
      element = after_star;
    } else {
      return false;
    }
  }
  while (element < elements_.size() && elements_[element].type == Type::kStar) ++element;
  return element == elements_.size();
}

std::optional<std::string_view> Glob::literal() const {
  if (!is_literal_ || letters_ != Case::kSensitive) return std::nullopt;
  return literal_;
}

}  // namespace brine::target
