// Rows to records, and the column lists they rely on: each in one place.
#pragma once

#include "store/records.h"
#include "store/sqlite/connection.h"
#include "store/state_store.h"

namespace brine::store::sqlite {

#define BRINE_KEY_COLUMNS "id, state, public_key, number, version, changed, attempts, signer, signature, kind"
#define BRINE_TOKEN_COLUMNS "id, secret_hash, match, kind, uses, used, created, not_after, signer, signature"
#define BRINE_ENTRY_COLUMNS \
  "e.jid, e.minion, e.outcome, e.retcode, e.success, e.payload, e.started, e.duration, e.received, e.position, e.late, e.function"
#define BRINE_JOB_COLUMNS \
  "jid, submission, function, arguments, target_kind, target, user, uid, issued, not_after, signed_job, signature, forget_at, expected"
#define BRINE_SUMMARY_COLUMNS \
  "j.jid, j.function, j.arguments, j.target_kind, j.target, j.user, j.issued, j.not_after, j.expected_count, p.returned, p.failed"

// The column `late` of entries. An event has its id as minion, its tag as function, its data as payload.
inline constexpr std::int64_t kReturnEntry = 0;
inline constexpr std::int64_t kLateEntry = 1;
inline constexpr std::int64_t kEventEntry = 2;

KeyRecord key_of(const Rows& rows);
TokenRecord token_of(const Rows& rows);
ReturnRecord return_of(const Rows& rows);  // of BRINE_ENTRY_COLUMNS
OutboxEntry outbox_entry_of(const Rows& rows);
Result<JobRecord> job_of(const Rows& rows);
JobSummary summary_of(const Rows& rows);

}  // namespace brine::store::sqlite
