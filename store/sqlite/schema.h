// The tables, and the judgement whether a file holds them.
//
//   settings   name -> value                                        grains   id -> json
//   mine       (id, name) -> what the minion has published
//   keys       (id, denied?) -> key record                          returners  name -> position delivered
//   tokens     id -> join token, and how often it was used
//   jobs       jid -> record; expected minions as in expected_set.h, large fields last so that lists do not read them
//   progress   jid -> returns so far, and those that failed (apart, because a jobs row is large and this changes all the time)
//   feed       counter -> jid
//   entries    outbox position -> the return itself, first or late; only ever appended to, whatever the order of minions
//   returns    (jid, number of the minion) -> its entry
//   orphans    positions of entries that no returns row names any more: deleted when the outbox has passed them
//   counters   one row: epoch, ends of feed and outbox, highest jid
//
// Jobs are found by function, user, the beginning of the target, and by having failed (job_queries.h); an index ends with the rowid, which
// is the jid, so each is in order of jids.
//
// The outbox is the entries after counters.outbox_start. A payload is stored once: an entry stays while its job or the outbox needs it.
#pragma once

#include "base/result.h"
#include "store/sqlite/connection.h"

namespace brine::store::sqlite {

// 1: without progress.failed and the indexes of job_queries.h. 2: without keys.kind, tokens and mine.
constexpr int kSchemaVersion = 3;

// Makes the tables in an empty database, or brings those of an older schema up to date, in one transaction.
// kUnsupported: a newer schema. kCorrupt: tables, but not ours.
Status prepare_schema(const Connection& writer);

}  // namespace brine::store::sqlite
