// The one row that moves with every commit: where feed and outbox begin and end, and the highest jid.
//
// The writer keeps a copy, changes it while it applies a batch, and writes it before COMMIT; readers read the row.
// Bytes are running sums, so that usage is a difference and nothing is ever counted over.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "store/packed_jid.h"
#include "store/sqlite/connection.h"

namespace brine::store::sqlite {

struct Counters {
  std::uint64_t epoch = 0;
  PackedJid last_jid = kNoJid;
  std::int64_t feed_end = 0;
  std::int64_t outbox_start = 0;  // all up to here is gone from the outbox
  std::int64_t outbox_end = 0;
  std::int64_t outbox_start_bytes = 0;
  std::int64_t outbox_end_bytes = 0;
  bool operator==(const Counters&) const = default;
};

class CountersRow {
 public:
  static Result<CountersRow> prepare(const Connection& connection);
  Result<Counters> read();  // kCorrupt if the row is not there
  Status write(const Counters& counters);

 private:
  CountersRow(Statement read, Statement write) : read_(std::move(read)), write_(std::move(write)) {}

  Statement read_;
  Statement write_;
};

}  // namespace brine::store::sqlite
