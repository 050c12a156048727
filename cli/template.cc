#include "cli/template.h"

#include <algorithm>

namespace brine::cli {
namespace {

constexpr std::size_t kMaxNesting = 32;
constexpr std::string_view kSafePunctuation = "._:/@%+=,[]~-";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

bool is_safe(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kSafePunctuation.find(c) != std::string_view::npos;
}

std::string shown(const Json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? value.get<std::string>() : to_text(value);
}

std::string safe(const Json& value) {
  std::string text = shown(value);
  std::ranges::replace_if(text, [](char c) { return !is_safe(c); }, '_');
  return text;
}

bool is_there(const Json* value) {
  if (value == nullptr || value->is_null() || *value == false) return false;
  if (value->is_string()) return !value->get_ref<const std::string&>().empty();
  return !value->is_array() || !value->empty();
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (is_blank(text.front()) || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

}  // namespace

struct Template::Parser {
  std::string_view text;
  std::size_t at = 0;

  struct Tag {
    char kind = 0;  // 0: a name; else # ^ / ! & {
    std::string name;
    std::size_t begin = 0;  // in the text
  };

  Error wrong(std::size_t where, const std::string& what) const {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(where), '\n');
    return {Code::kInvalid, "line " + std::to_string(line) + " of the template: " + what};
  }

  // The tag that begins at `at`, which is then behind it.
  Result<Tag> tag() {
    Tag found{.begin = at};
    const bool raw = text.substr(at).starts_with("{{{");
    const std::string_view end = raw ? "}}}" : "}}";
    const std::size_t from = at + end.size();
    const std::size_t to = text.find(end, from);
    if (to == std::string_view::npos) return std::unexpected(wrong(at, "a tag has no end"));
    std::string_view inside = trimmed(text.substr(from, to - from));
    at = to + end.size();
    if (raw) {
      found.kind = '&';
    } else if (!inside.empty() && std::string_view("#^/!&").find(inside.front()) != std::string_view::npos) {
      found.kind = inside.front();
      inside = trimmed(inside.substr(1));
    }
    found.name = inside;
    if (found.name.empty() && found.kind != '!') return std::unexpected(wrong(found.begin, "a tag without a name"));
    return found;
  }

  // A tag that stands alone takes its line with it.
  void swallow_line(const Tag& tag, std::string& before) {
    const std::size_t line = text.substr(0, tag.begin).rfind('\n');
    const std::size_t line_begin = line == std::string_view::npos ? 0 : line + 1;
    const std::string_view left = text.substr(line_begin, tag.begin - line_begin);
    std::size_t end = at;
    while (end < text.size() && is_blank(text[end])) ++end;
    const bool alone = std::ranges::all_of(left, is_blank) && (end == text.size() || text[end] == '\n');
    if (!alone) return;
    before.resize(before.size() - std::min(before.size(), left.size()));
    at = end == text.size() ? end : end + 1;
  }

  // Up to the end of the section of this name, or of the text when it is empty.
  Result<std::vector<Piece>> pieces(const std::string& section, std::size_t depth) {
    std::vector<Piece> all;
    if (depth > kMaxNesting) return std::unexpected(wrong(at, "sections are nested too deeply"));
    const std::size_t begun = at;
    while (true) {
      const std::size_t next = std::min(text.find("{{", at), text.size());
      Piece plain{.text = std::string(text.substr(at, next - at))};
      at = next;
      if (at == text.size()) {
        if (!section.empty()) return std::unexpected(wrong(begun, "{{#" + section + "}} has no {{/" + section + "}}"));
        if (!plain.text.empty()) all.push_back(std::move(plain));
        return all;
      }
      BRINE_LET(const Tag found, tag());
      if (found.kind != 0 && found.kind != '&') swallow_line(found, plain.text);
      if (!plain.text.empty()) all.push_back(std::move(plain));
      if (found.kind == '!') continue;
      if (found.kind == '/') {
        if (found.name != section) return std::unexpected(wrong(found.begin, "{{/" + found.name + "}} ends what was not begun"));
        return all;
      }
      Piece piece{.kind = found.kind == '&' ? Kind::kRaw : Kind::kSafe, .text = found.name};
      if (found.kind == '#' || found.kind == '^') {
        piece.kind = found.kind == '#' ? Kind::kSection : Kind::kInverted;
        BRINE_LET(piece.inside, pieces(found.name, depth + 1));
      }
      all.push_back(std::move(piece));
    }
  }
};

Result<Template> Template::parse(std::string_view text) {
  Parser parser{text};
  Template made;
  BRINE_LET(made.pieces_, parser.pieces("", 0));
  return made;
}

std::string Template::render(const Json& data) const {
  std::string out;
  Scope scope{&data};
  render(pieces_, scope, out);
  return out;
}

// The first part of "a.b.c" in the innermost map that has it, the rest within.
const Json* Template::find(const Scope& scope, const std::string& name) {
  if (name == ".") return scope.back();
  const std::size_t dot = std::min(name.find('.'), name.size());
  const std::string first = name.substr(0, dot);
  const Json* value = nullptr;
  for (auto level = scope.rbegin(); level != scope.rend() && value == nullptr; ++level) {
    if ((*level)->is_object() && (*level)->contains(first)) value = &(*level)->at(first);
  }
  for (std::size_t from = dot; value != nullptr && from < name.size();) {
    const std::size_t end = std::min(name.find('.', from + 1), name.size());
    const std::string part = name.substr(from + 1, end - from - 1);
    value = value->is_object() && value->contains(part) ? &value->at(part) : nullptr;
    from = end;
  }
  return value;
}

void Template::render(const std::vector<Piece>& pieces, Scope& scope, std::string& out) {
  for (const Piece& piece : pieces) {
    if (piece.kind == Kind::kText) {
      out += piece.text;
      continue;
    }
    const Json* value = find(scope, piece.text);
    switch (piece.kind) {
      case Kind::kSafe:
        if (value != nullptr && !value->is_structured()) out += safe(*value);
        break;
      case Kind::kRaw:
        if (value != nullptr) out += shown(*value);
        break;
      case Kind::kInverted:
        if (!is_there(value)) render(piece.inside, scope, out);
        break;
      case Kind::kSection: {
        if (!is_there(value)) break;
        const bool list = value->is_array();
        for (std::size_t i = 0; i < (list ? value->size() : 1); ++i) {
          scope.push_back(list ? &(*value)[i] : value);
          render(piece.inside, scope, out);
          scope.pop_back();
        }
        break;
      }
      case Kind::kText: break;
    }
  }
}

}  // namespace brine::cli
