#include "store/sqlite/return_writer.h"

#include <utility>

#include "store/sqlite/rows.h"

namespace brine::store::sqlite {
namespace {

// What an entry takes apart from its texts, about.
constexpr std::int64_t kEntryOverhead = 64;

std::int64_t bytes_of(const ReturnRecord& value, std::string_view function) {
  return kEntryOverhead + static_cast<std::int64_t>(value.payload.size() + value.minion.str().size() + function.size());
}

std::int64_t bytes_of(const EventRecord& event) {
  return kEntryOverhead + static_cast<std::int64_t>(event.data.size() + event.id.size() + event.tag.size());
}

// The time of arrival is the master's, so it differs when the same return is sent again.
bool same_content(const ReturnRecord& a, const ReturnRecord& b) {
  return a.outcome == b.outcome && a.retcode == b.retcode && a.success == b.success && a.started == b.started &&
         a.duration_us == b.duration_us && a.payload == b.payload;
}

}  // namespace

Result<ReturnWriter> ReturnWriter::prepare(const Connection& connection, JobCache& jobs) {
  ReturnWriter writer(connection, jobs);
  BRINE_LET(writer.find_job_, connection.prepare("SELECT function, expected FROM jobs WHERE jid = ?1"));
  BRINE_LET(writer.claim_, connection.prepare("INSERT INTO returns(jid, minion, position) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING"));
  BRINE_LET(writer.append_,
            connection.prepare("INSERT INTO entries(position, bytes_up_to_here, received, jid, late, outcome, retcode, success, started, "
                               "duration, minion, function, payload) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"));
  BRINE_LET(writer.stored_,
            connection.prepare("SELECT " BRINE_ENTRY_COLUMNS
                               " FROM returns r JOIN entries e ON e.position = r.position WHERE r.jid = ?1 AND r.minion = ?2"));
  BRINE_LET(writer.orphan_, connection.prepare("INSERT INTO orphans(position) VALUES(?1)"));
  BRINE_LET(writer.progress_, connection.prepare("UPDATE progress SET returned = returned + ?2, failed = failed + ?3 WHERE jid = ?1"));
  return writer;
}

Result<ReturnResult> ReturnWriter::add(const ReturnRecord& value, Counters& counters) {
  BRINE_LET(const PackedJid jid, pack(value.jid));
  BRINE_LET(const KnownJob* const job, job_of(jid));
  if (job == nullptr) return add_late(jid, value, counters);
  const auto minion = job->expected.number_of(value.minion.str());
  if (!minion) return ReturnResult::kUnexpected;
  BRINE_TRY(claim_.run(jid, std::int64_t{*minion}, counters.outbox_end + 1));
  if (connection_->changes() == 0) return compare(jid, *minion, value);
  BRINE_TRY(append(jid, value, false, job->function, counters));
  Gain& gain = gained_[jid];
  ++gain.returned;
  if (is_failure(value)) ++gain.failed;
  return ReturnResult::kFirst;
}

Status ReturnWriter::finish_batch() {
  for (const auto& [jid, gain] : gained_) BRINE_TRY(progress_.run(jid, gain.returned, gain.failed));
  gained_.clear();
  return {};
}

Result<const KnownJob*> ReturnWriter::job_of(PackedJid jid) {
  if (const KnownJob* known = jobs_->find(jid)) return known;
  auto rows = find_job_.query(jid);
  if (!rows.next()) {
    BRINE_TRY(rows.status());
    return nullptr;
  }
  BRINE_LET(auto expected, ExpectedSet::decode(rows.bytes(1)));
  return jobs_->put(KnownJob{jid, rows.string(0), std::move(expected)});
}

Result<ReturnResult> ReturnWriter::compare(PackedJid jid, std::uint32_t minion, const ReturnRecord& value) {
  auto rows = stored_.query(jid, std::int64_t{minion});
  if (!rows.next()) {
    BRINE_TRY(rows.status());
    return fail(Code::kCorrupt, "the return of " + value.minion.str() + " to job " + value.jid.str() + " has lost its content");
  }
  return same_content(return_of(rows), value) ? ReturnResult::kRepeated : ReturnResult::kConflict;
}

Result<ReturnResult> ReturnWriter::add_late(PackedJid jid, const ReturnRecord& value, Counters& counters) {
  BRINE_TRY(append(jid, value, true, "", counters));
  BRINE_TRY(orphan_.run(counters.outbox_end));
  return ReturnResult::kLate;
}

// It belongs to no job: like a late return it goes when the outbox has no use for it.
Status ReturnWriter::add_event(const EventRecord& event, Counters& counters) {
  ++counters.outbox_end;
  counters.outbox_end_bytes += bytes_of(event);
  constexpr std::int64_t kNone = 0;
  BRINE_TRY(append_.run(counters.outbox_end, counters.outbox_end_bytes, event.at, kNone, kEventEntry, kNone, kNone, kNone, kNone, kNone,
                        std::string_view(event.id), std::string_view(event.tag), Blob{event.data}));
  return orphan_.run(counters.outbox_end);
}

Status ReturnWriter::append(PackedJid jid, const ReturnRecord& value, bool late, std::string_view function, Counters& counters) {
  ++counters.outbox_end;
  counters.outbox_end_bytes += bytes_of(value, function);
  return append_.run(counters.outbox_end, counters.outbox_end_bytes, value.received, jid, late ? kLateEntry : kReturnEntry,
                     static_cast<std::int64_t>(value.outcome), std::int64_t{value.retcode}, std::int64_t{value.success}, value.started,
                     static_cast<std::int64_t>(value.duration_us), std::string_view(value.minion.str()), function, Blob{value.payload});
}

}  // namespace brine::store::sqlite
