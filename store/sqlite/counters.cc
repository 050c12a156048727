#include "store/sqlite/counters.h"

namespace brine::store::sqlite {

Result<CountersRow> CountersRow::prepare(const Connection& connection) {
  BRINE_LET(auto read,
            connection.prepare("SELECT epoch, last_jid, feed_end, outbox_start, outbox_end, outbox_start_bytes, outbox_end_bytes "
                               "FROM counters WHERE only = 1"));
  BRINE_LET(auto write, connection.prepare("UPDATE counters SET last_jid = ?1, feed_end = ?2, outbox_start = ?3, outbox_end = ?4, "
                                           "outbox_start_bytes = ?5, outbox_end_bytes = ?6 WHERE only = 1"));
  return CountersRow(std::move(read), std::move(write));
}

Result<Counters> CountersRow::read() {
  auto rows = read_.query();
  if (!rows.next()) {
    BRINE_TRY(rows.status());
    return fail(Code::kCorrupt, "the store's counters are missing");
  }
  return Counters{rows.as<std::uint64_t>(0), rows.integer(1), rows.integer(2), rows.integer(3),
                  rows.integer(4),           rows.integer(5), rows.integer(6)};
}

Status CountersRow::write(const Counters& c) {
  return write_.run(c.last_jid, c.feed_end, c.outbox_start, c.outbox_end, c.outbox_start_bytes, c.outbox_end_bytes);
}

}  // namespace brine::store::sqlite
