// The SQL of the returner, and records as parameters of it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/table_name.h"
#include "returners/returner.h"

namespace brine::returners {

struct Tables {
  config::TableName returns;
  config::TableName events;
};

// One for each table. docs/returners.md shows them.
std::vector<std::string> create_statements(const Tables& tables);

struct Insert {
  std::string sql;  // one statement: INSERT ... ON CONFLICT DO NOTHING, into those of the tables that are concerned
  std::vector<std::string> parameters;
};

// Of any number of returns and events, in their order. plain: no value goes into a jsonb column, only the text of the record.
Insert insert_of(std::span<const Record> records, const Tables& tables, bool plain);

// Why no column can hold what is in it: a name that is not UTF-8, or has a NUL byte. Empty: nothing is wrong with it.
std::string unacceptable(const Record& record);

}  // namespace brine::returners
