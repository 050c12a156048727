#include "config/table_name.h"

#include <algorithm>

namespace brine::config {
namespace {

constexpr std::size_t kLongest = 63;  // NAMEDATALEN of PostgreSQL, less its NUL

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_identifier(std::string_view text) {
  return !text.empty() && text.size() <= kLongest && is_letter(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '$'; });
}

}  // namespace

std::string TableName::quoted() const {
  const std::string name = "\"" + table + "\"";
  return schema.empty() ? name : "\"" + schema + "\"." + name;
}

Result<TableName> parse_table_name(std::string_view text) {
  const std::size_t dot = text.find('.');
  TableName name{.schema = std::string(text.substr(0, dot == std::string_view::npos ? 0 : dot)),
                 .table = std::string(text.substr(dot == std::string_view::npos ? 0 : dot + 1))};
  const bool well_formed = is_identifier(name.table) && (dot == std::string_view::npos || is_identifier(name.schema));
  if (!well_formed) {
    return fail(Code::kInvalid,
                "'" + std::string(text) + "' is no name of a table: table or schema.table, of letters, digits and '_', without quotes");
  }
  return name;
}

}  // namespace brine::config
