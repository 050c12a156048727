#include "cli/output/nested.h"

#include <map>

#include "cli/output/bytes_value.h"

namespace brine::cli {
namespace {

class Nested {
 public:
  Nested(const Look& look, int retcode) : look_(look), failed_(retcode != 0) {}

  void show(const Json& value, std::size_t indent, const std::string& prefix) {
    if (const auto bytes = bytes_of(value)) {
      text(*bytes, indent, prefix);
    } else if (value.is_string()) {
      text(value.get_ref<const std::string&>(), indent, prefix);
    } else if (value.is_array()) {
      list(value, indent);
    } else if (value.is_object()) {
      dictionary(value, indent, prefix);
    } else {
      line(indent, Colour::kYellow, prefix + scalar(value));
    }
  }

  std::string take() { return std::move(out_); }

 private:
  static std::string scalar(const Json& value) {
    if (value.is_null()) return "None";
    if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
    return value.dump();
  }

  void line(std::size_t indent, Colour colour, const std::string& text, const char* behind = "") {
    out_.append(indent, ' ').append(look_.painted(colour, text)).append(behind).push_back('\n');
  }

  void text(std::string_view text, std::size_t indent, const std::string& prefix) {
    bool first = true;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string_view row = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (row.ends_with('\r')) row.remove_suffix(1);
      line(indent, Colour::kGreen, (first ? prefix : std::string(prefix.size(), ' ')) + look_.safe(row));
      first = false;
    }
  }

  void list(const Json& values, std::size_t indent) {
    for (const Json& value : values) {
      const bool holds_others = value.is_array() || (value.is_object() && !bytes_of(value));
      if (!holds_others) {
        show(value, indent, "- ");
        continue;
      }
      line(indent, failed_ ? Colour::kRed : Colour::kGreen, "|_");
      show(value, indent + 2, value.is_object() ? "" : "- ");
    }
  }

  void dictionary(const Json& values, std::size_t indent, const std::string& prefix) {
    const Colour colour = failed_ ? Colour::kRed : Colour::kCyan;
    if (indent > 0) line(indent, colour, "----------");
    std::map<std::string_view, const Json*> sorted;
    for (const auto& [key, value] : values.items()) sorted.emplace(key, &value);
    for (const auto& [key, value] : sorted) {
      line(indent, colour, prefix + look_.safe(key) + ":");
      show(*value, indent + 4, "");
    }
  }

  const Look& look_;
  const bool failed_;
  std::string out_;
};

}  // namespace

std::string nested_text(const Json& value, const Look& look, int retcode) {
  Nested nested(look, retcode);
  nested.show(value, 0, "");
  return nested.take();
}

}  // namespace brine::cli
