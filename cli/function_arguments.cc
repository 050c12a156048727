#include "cli/function_arguments.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "config/yaml.h"

namespace brine::cli {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0; }
bool is_name_character(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

// The length of the name in `name=value`; 0: it is not one.
std::size_t name_length(const std::string& word) {
  if (word.empty() || !is_letter(word[0])) return 0;
  std::size_t i = 1;
  while (i < word.size() && is_name_character(word[i])) ++i;
  const bool is_keyword = i < word.size() && word[i] == '=' && (i + 1 == word.size() || word[i + 1] != '=');
  return is_keyword ? i : 0;
}

}  // namespace

std::string FunctionArguments::text() const {
  Json json{{"args", args}, {"kwargs", Json::object()}};
  for (const auto& [name, value] : kwargs) json["kwargs"][name] = value;
  return to_text(json);
}

Result<FunctionArguments> read_function_arguments(std::span<const std::string> words) {
  FunctionArguments result;
  for (const std::string& word : words) {
    if (!is_utf8(word)) return fail(Code::kInvalid, fmt::format("argument {} is not UTF-8 text", &word - words.data() + 1));
    const std::size_t length = name_length(word);
    if (length == 0) {
      result.args.push_back(parse_value(config::argument_to_json(word)));
      continue;
    }
    const std::string name = word.substr(0, length);
    const bool added = result.kwargs.emplace(name, parse_value(config::argument_to_json(word.substr(length + 1)))).second;
    if (!added) return fail(Code::kInvalid, fmt::format("{}= is given twice", name));
  }
  return result;
}

}  // namespace brine::cli
