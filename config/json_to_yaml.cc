#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "config/scalar.h"
#include "config/yaml.h"
#include "config/yaml_tree.h"

namespace brine::config {
namespace {

using Json = nlohmann::json;

// A key that stands before its colon without more has at most 1,024 characters (YAML 1.1 section 7.6.2.1).
constexpr std::size_t kLongestSimpleKey = 1000;

// Nesting by brackets outside of strings; the text need not be valid.
std::size_t depth_of(std::string_view json) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      deepest = std::max(deepest, ++depth);
    } else if (!in_string && (c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

// Length of the non-printable character at i (YAML 1.1 section 5.1, without what JSON escapes anyway), and its escape; 0 if printable.
std::size_t special_at(std::string_view text, std::size_t i, std::string_view& escape) {
  static constexpr std::pair<std::string_view, std::string_view> kSpecial[] = {
      {"\x7f", "\\x7f"}, {"\xc2\x85", "\\x85"}, {"\xe2\x80\xa8", "\\L"}, {"\xe2\x80\xa9", "\\P"}, {"\xef\xbb\xbf", "\\ufeff"}};
  for (const auto& [bytes, written] : kSpecial) {
    if (text.substr(i).starts_with(bytes)) {
      escape = written;
      return bytes.size();
    }
  }
  return 0;
}

bool is_c1_control(std::string_view text, std::size_t i) {
  return text[i] == '\xc2' && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
}

bool is_printable(std::string_view text) {
  std::string_view escape;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) < 0x20 || is_c1_control(text, i) || special_at(text, i, escape) > 0) return false;
  }
  return true;
}

std::string double_quoted(const std::string& text) {
  const std::string json = json_string(text);
  std::string out;
  for (std::size_t i = 0; i < json.size();) {
    std::string_view escape;
    if (const std::size_t length = special_at(json, i, escape); length > 0) {
      out += escape;
      i += length;
    } else if (is_c1_control(json, i)) {
      out += "\\x" + to_hex(json.substr(i + 1, 1));
      i += 2;
    } else {
      out += json[i++];
    }
  }
  return out;
}

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

bool may_be_plain(std::string_view text) {
  if (plain_scalar_kind(text) != ScalarKind::kString || is_ambiguous_plain(text)) return false;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`").contains(text.front())) {
    const bool is_word = (text.front() == '-' || text.front() == '?' || text.front() == ':') && text.size() > 1;
    if (!is_word || std::string_view(" -,[]{}:").contains(text[1])) return false;
  }
  if (text.starts_with("...") || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  return !text.contains(": ") && !text.contains(" #");
}

std::string one_line(const std::string& text) {
  if (!is_printable(text)) return double_quoted(text);
  return may_be_plain(text) ? text : single_quoted(text);
}

// A literal block holds lines of printable text; the first must not begin with a blank, and trailing blanks would be lost on a screen.
bool may_be_block(std::string_view text) {
  if (!text.contains('\n') || text.front() == ' ' || text.front() == '\n') return false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (!is_printable(line) || line.ends_with(' ')) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

void append_block(std::string& out, std::string_view text, std::size_t indent) {
  if (!text.ends_with('\n')) {
    out += "|-\n";
  } else if (text.ends_with("\n\n")) {
    out += "|+\n";
  } else {
    out += "|\n";
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) out.append(indent, ' ').append(text.substr(0, end));
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// A float of YAML 1.1 has a point, which JSON may omit: "1e+300".
std::string number(const Json& json) {
  std::string text = json.dump();
  const std::size_t exponent = text.find('e');
  if (json.is_number_float() && exponent != std::string::npos && !text.contains('.')) text.insert(exponent, ".0");
  return text;
}

class Printer {
 public:
  std::string take() { return std::move(out_); }

  // Writes a value whose line has begun; it ends with a newline. Children stand at this indent.
  void value(const Json& json, std::size_t indent) {
    if (json.is_object() && !json.empty()) {
      map(json, indent);
    } else if (json.is_array() && !json.empty()) {
      list(json, indent);
    } else if (json.is_string()) {
      text(json.get_ref<const std::string&>(), std::max<std::size_t>(indent, 2));
    } else {
      out_ += number(json) + "\n";
    }
  }

 private:
  void map(const Json& json, std::size_t indent) {
    bool first = true;
    for (const auto& [key, child] : json.items()) {
      if (!std::exchange(first, false)) out_.append(indent, ' ');
      const std::string written = one_line(key);
      if (written.size() > kLongestSimpleKey) {
        out_ += "? " + written + "\n";
        out_.append(indent, ' ');
      } else {
        out_ += written;
      }
      out_ += ':';
      const bool nested = child.is_structured() && !child.empty();
      if (!nested) {
        out_ += ' ';
        value(child, indent + 2);
        continue;
      }
      const std::size_t child_indent = child.is_array() ? indent : indent + 2;
      out_ += '\n';
      out_.append(child_indent, ' ');
      value(child, child_indent);
    }
  }

  void list(const Json& json, std::size_t indent) {
    bool first = true;
    for (const Json& child : json) {
      if (!std::exchange(first, false)) out_.append(indent, ' ');
      out_ += "- ";
      value(child, indent + 2);
    }
  }

  void text(const std::string& value, std::size_t indent) {
    if (may_be_block(value)) {
      append_block(out_, value, indent);
    } else {
      out_ += one_line(value) + "\n";
    }
  }

  std::string out_;
};

}  // namespace

std::string json_to_yaml(std::string_view json) {
  if (depth_of(json) <= kMaxYamlDepth) {
    const Json value = Json::parse(json, nullptr, false);
    if (!value.is_discarded()) {
      Printer printer;
      printer.value(value, 0);
      return printer.take();
    }
  }
  return one_line(std::string(json)) + "\n";
}

}  // namespace brine::config
