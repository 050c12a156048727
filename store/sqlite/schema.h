// The tables, and the judgement whether a file holds them.
//
//   settings   name -> value                                        grains   id -> json
//   keys       (id, denied?) -> key record                          returners  name -> position delivered
//   jobs       jid -> record; expected minions as in expected_set.h, large fields last so that lists do not read them
//   progress   jid -> returns so far (apart, because a jobs row is large and this changes all the time)
//   feed       counter -> jid
//   entries    outbox position -> the return itself, first or late; only ever appended to, whatever the order of minions
//   returns    (jid, number of the minion) -> its entry
//   orphans    positions of entries that no returns row names any more: deleted when the outbox has passed them
//   counters   one row: epoch, ends of feed and outbox, highest jid
//
// The outbox is the entries after counters.outbox_start. A payload is stored once: an entry stays while its job or the outbox needs it.
#pragma once

#include "base/result.h"
#include "store/sqlite/connection.h"

namespace brine::store::sqlite {

constexpr int kSchemaVersion = 1;

// Makes the tables in an empty database, in one transaction.
// kUnsupported: a newer schema. kCorrupt: tables, but not ours.
Status create_or_verify_schema(const Connection& writer);

}  // namespace brine::store::sqlite
