#include "store/sqlite/rows.h"

#include <algorithm>

#include "store/expected_set.h"
#include "store/packed_jid.h"

namespace brine::store::sqlite {

KeyRecord key_of(const Rows& rows) {
  KeyRecord key;
  key.id = MinionId::trusted(rows.string(0));
  key.state = rows.as<KeyState>(1);
  key.public_key = rows.string(2);
  key.index = rows.as<std::uint32_t>(3);
  key.version = rows.as<std::uint64_t>(4);
  key.changed = rows.integer(5);
  key.attempts = rows.as<std::uint32_t>(6);
  key.signer = rows.string(7);
  key.signature = rows.string(8);
  key.kind = rows.as<KeyKind>(9);
  return key;
}

TokenRecord token_of(const Rows& rows) {
  TokenRecord token;
  token.id = rows.string(0);
  token.secret_hash = rows.string(1);
  token.match = rows.string(2);
  token.kind = rows.as<KeyKind>(3);
  token.uses = rows.as<std::uint32_t>(4);
  token.used = rows.as<std::uint32_t>(5);
  token.created = rows.integer(6);
  token.not_after = rows.integer(7);
  token.signer = rows.string(8);
  token.signature = rows.string(9);
  return token;
}

ReturnRecord return_of(const Rows& rows) {
  ReturnRecord value;
  value.jid = unpack(rows.integer(0));
  value.minion = MinionId::trusted(rows.string(1));
  value.outcome = rows.as<Outcome>(2);
  value.retcode = rows.as<std::int32_t>(3);
  value.success = rows.integer(4) != 0;
  value.payload = rows.string(5);
  value.started = rows.integer(6);
  value.duration_us = rows.as<std::uint64_t>(7);
  value.received = rows.integer(8);
  return value;
}

OutboxEntry outbox_entry_of(const Rows& rows) {
  const auto position = rows.as<std::uint64_t>(9);
  switch (rows.integer(10)) {
    case kEventEntry: return {.position = position, .event = {rows.string(1), rows.string(11), rows.string(5), rows.integer(8)}};
    case kLateEntry: return {.position = position, .late = true, .value = return_of(rows)};
    default: return {.position = position, .function = rows.string(11), .value = return_of(rows)};
  }
}

Result<JobRecord> job_of(const Rows& rows) {
  JobRecord job;
  job.jid = unpack(rows.integer(0));
  const std::string_view submission = rows.bytes(1);
  if (submission.size() != job.submission.bytes.size())
    return fail(Code::kCorrupt, "the submission id of job " + job.jid.str() + " is damaged");
  std::copy(submission.begin(), submission.end(), job.submission.bytes.begin());
  job.function = rows.string(2);
  job.arguments = rows.string(3);
  job.target_kind = rows.string(4);
  job.target = rows.string(5);
  job.user = rows.string(6);
  job.uid = rows.as<std::uint32_t>(7);
  job.issued = rows.integer(8);
  job.not_after = rows.integer(9);
  job.signed_job = rows.string(10);
  job.signature = rows.string(11);
  job.forget_at = rows.integer(12);
  BRINE_LET(const auto expected, ExpectedSet::decode(rows.bytes(13)));
  job.expected = expected.ids();
  return job;
}

JobSummary summary_of(const Rows& rows) {
  JobSummary summary;
  summary.jid = unpack(rows.integer(0));
  summary.function = rows.string(1);
  summary.arguments = rows.string(2);
  summary.target_kind = rows.string(3);
  summary.target = rows.string(4);
  summary.user = rows.string(5);
  summary.issued = rows.integer(6);
  summary.not_after = rows.integer(7);
  summary.expected = rows.as<std::uint32_t>(8);
  summary.returned = rows.as<std::uint32_t>(9);
  summary.failed = rows.as<std::uint32_t>(10);
  return summary;
}

}  // namespace brine::store::sqlite
