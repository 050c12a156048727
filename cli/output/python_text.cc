#include "cli/output/python_text.h"

#include <fmt/format.h>

#include "cli/output/bytes_value.h"

namespace brine::cli {
namespace {

// Python prefers single quotes, and takes double ones when that saves escapes.
char quote_for(const std::string& text) { return text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\''; }

void append_escaped(std::string& out, unsigned char c, char quote) {
  switch (c) {
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\\': out += "\\\\"; return;
    default: break;
  }
  if (c == static_cast<unsigned char>(quote)) out.push_back('\\');
  if (c < 0x20 || c == 0x7f)
    out += fmt::format("\\x{:02x}", c);
  else
    out.push_back(static_cast<char>(c));
}

// Of what lies above ASCII only the C1 controls, U+00A0 and U+00AD, which nobody could see, are escaped.
std::string quoted_text(const std::string& text) {
  const char quote = quote_for(text);
  std::string out(1, quote);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if (c == 0xc2 && (next <= 0xa0 || next == 0xad)) {
      out += fmt::format("\\x{:02x}", next);
      ++i;
    } else {
      append_escaped(out, c, quote);
    }
  }
  out.push_back(quote);
  return out;
}

std::string quoted_bytes(const std::string& bytes) {
  const char quote = quote_for(bytes);
  std::string out{'b', quote};
  for (const char byte : bytes) {
    const auto c = static_cast<unsigned char>(byte);
    if (c >= 0x80)
      out += fmt::format("\\x{:02x}", c);
    else
      append_escaped(out, c, quote);
  }
  out.push_back(quote);
  return out;
}

void append(std::string& out, const Json& value) {
  if (const auto bytes = bytes_of(value)) {
    out += quoted_bytes(*bytes);
  } else if (value.is_string()) {
    out += quoted_text(value.get_ref<const std::string&>());
  } else if (value.is_null()) {
    out += "None";
  } else if (value.is_boolean()) {
    out += value.get<bool>() ? "True" : "False";
  } else if (value.is_array()) {
    out.push_back('[');
    for (const Json& item : value) {
      if (&item != &value.front()) out += ", ";
      append(out, item);
    }
    out.push_back(']');
  } else if (value.is_object()) {
    out.push_back('{');
    for (bool first = true; const auto& [key, item] : value.items()) {
      if (!std::exchange(first, false)) out += ", ";
      out += quoted_text(key) + ": ";
      append(out, item);
    }
    out.push_back('}');
  } else {
    out += value.dump();
  }
}

}  // namespace

std::string python_repr(const Json& value) {
  std::string out;
  append(out, value);
  return out;
}

std::string python_str(const Json& value) {
  if (auto bytes = bytes_of(value)) return std::move(*bytes);
  return value.is_string() ? value.get<std::string>() : python_repr(value);
}

}  // namespace brine::cli
