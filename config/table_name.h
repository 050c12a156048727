// Names of tables in a database, as the configuration says them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace brine::config {

struct TableName {
  std::string schema;  // empty: the search path of the session decides
  std::string table;

  // "schema"."table": letters keep their case, nothing in it is an order.
  std::string quoted() const;
};

// "table" or "schema.table", each of at most 63 letters, digits, '_' and '$', not beginning with a digit or '$'. kInvalid with what is
// wrong.
Result<TableName> parse_table_name(std::string_view text);

}  // namespace brine::config
