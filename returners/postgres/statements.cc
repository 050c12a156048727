#include "returners/postgres/statements.h"

#include <array>

#include "base/bytes.h"

namespace brine::returners {
namespace {

// An array of texts in PostgreSQL's own form: {"a","b\"c"}.
class ArrayLiteral {
 public:
  void add(std::string_view text) {
    text_ += text_.size() == 1 ? "\"" : ",\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') text_.push_back('\\');
      text_.push_back(c);
    }
    text_.push_back('"');
  }
  bool empty() const { return text_.size() == 1; }
  std::string take() && { return std::move(text_) + "}"; }

 private:
  std::string text_ = "{";
};

// One array for each column.
template <std::size_t Columns>
class Rows {
 public:
  void add(const std::array<std::string_view, Columns>& values) {
    for (std::size_t i = 0; i < Columns; ++i) arrays_[i].add(values[i]);
  }
  bool empty() const { return arrays_[0].empty(); }
  void append_to(std::vector<std::string>& parameters) && {
    for (ArrayLiteral& array : arrays_) parameters.push_back(std::move(array).take());
  }

 private:
  std::array<ArrayLiteral, Columns> arrays_;
};

constexpr std::string_view kYes = "t";
constexpr std::string_view kNo = "f";

std::string_view yes_or_no(bool value) { return value ? kYes : kNo; }

// jsonb has no place for U+0000.
bool has_nul_escape(std::string_view json) {
  for (std::size_t at = json.find("\\u0000"); at != std::string_view::npos; at = json.find("\\u0000", at + 1)) {
    std::size_t backslashes = 0;
    while (backslashes < at && json[at - 1 - backslashes] == '\\') ++backslashes;
    if (backslashes % 2 == 0) return true;
  }
  return false;
}

void add_return(Rows<12>& rows, const Record& record, bool plain) {
  const store::ReturnRecord& value = record.entry.value;
  const std::string retcode = std::to_string(value.retcode), received = std::to_string(value.received),
                    duration = std::to_string(value.duration_us);
  rows.add({value.jid.str(), value.minion.str(), record.entry.function, to_string(value.outcome), yes_or_no(value.success), retcode,
            received, duration, record.master, yes_or_no(record.entry.late), record.json,
            yes_or_no(!plain && !has_nul_escape(record.json))});
}

void add_event(Rows<6>& rows, const Record& record, bool plain) {
  const store::EventRecord& event = record.entry.event;
  const std::string at = std::to_string(event.at);
  rows.add({event.id, event.tag, at, record.master, record.json, yes_or_no(!plain && !has_nul_escape(record.json))});
}

// "$3::text[], $4::bigint[]" for the types of the columns, after so many parameters.
std::string placeholders(std::size_t after, std::initializer_list<std::string_view> types) {
  std::string list;
  for (const std::string_view type : types)
    list.append(list.empty() ? "$" : ", $").append(std::to_string(++after)).append("::").append(type).append("[]");
  return list;
}

std::string insert_returns(const config::TableName& table) {
  return "INSERT INTO " + table.quoted() +
         " (jid, id, fun, outcome, success, retcode, received, duration_us, master, late, \"return\", record)"
         " SELECT jid, id, fun, outcome, success, retcode, timestamptz 'epoch' + received * interval '1 microsecond', duration_us, master,"
         " late, CASE WHEN parsed THEN record::jsonb -> 'return' END, record FROM unnest(" +
         placeholders(0, {"text", "text", "text", "text", "boolean", "integer", "bigint", "bigint", "text", "boolean", "text", "boolean"}) +
         ") AS r (jid, id, fun, outcome, success, retcode, received, duration_us, master, late, record, parsed) ON CONFLICT DO NOTHING";
}

std::string insert_events(const config::TableName& table, std::size_t after) {
  return "INSERT INTO " + table.quoted() +
         " (event_id, tag, stamp, master, data, record)"
         " SELECT event_id, tag, timestamptz 'epoch' + stamp * interval '1 microsecond', master,"
         " CASE WHEN parsed THEN record::jsonb -> 'data' END, record FROM unnest(" +
         placeholders(after, {"text", "text", "bigint", "text", "text", "boolean"}) +
         ") AS e (event_id, tag, stamp, master, record, parsed) ON CONFLICT DO NOTHING";
}

}  // namespace

std::vector<std::string> create_statements(const Tables& tables) {
  return {"CREATE TABLE IF NOT EXISTS " + tables.returns.quoted() +
              " (jid text NOT NULL, id text NOT NULL, fun text NOT NULL, outcome text NOT NULL, success boolean NOT NULL,"
              " retcode integer NOT NULL, received timestamptz NOT NULL, duration_us bigint NOT NULL, master text NOT NULL,"
              " late boolean NOT NULL, \"return\" jsonb, record text NOT NULL, PRIMARY KEY (jid, id))",
          "CREATE TABLE IF NOT EXISTS " + tables.events.quoted() +
              " (event_id text PRIMARY KEY, tag text NOT NULL, stamp timestamptz NOT NULL, master text NOT NULL, data jsonb,"
              " record text NOT NULL)"};
}

Insert insert_of(std::span<const Record> records, const Tables& tables, bool plain) {
  Rows<12> returns;
  Rows<6> events;
  for (const Record& record : records) {
    if (record.entry.is_event())
      add_event(events, record, plain);
    else
      add_return(returns, record, plain);
  }
  Insert insert;
  if (!returns.empty()) {
    insert.sql = insert_returns(tables.returns);
    std::move(returns).append_to(insert.parameters);
  }
  if (!events.empty()) {
    const std::string second = insert_events(tables.events, insert.parameters.size());
    insert.sql = insert.sql.empty() ? second : "WITH returns AS (" + insert.sql + ") " + second;
    std::move(events).append_to(insert.parameters);
  }
  return insert;
}

std::string unacceptable(const Record& record) {
  const store::OutboxEntry& entry = record.entry;
  for (const std::string* name : {&entry.function, &entry.event.tag, &entry.event.id}) {
    if (name->contains('\0')) return "its name has a NUL byte, which no text of PostgreSQL can hold";
    if (!is_utf8(*name)) return "its name is not UTF-8";
  }
  return "";
}

}  // namespace brine::returners
