#include "store/sqlite/expiry.h"

#include <algorithm>
#include <utility>

namespace brine::store::sqlite {
namespace {

constexpr std::int64_t kMaxDroppedPerCall = 100'000;
constexpr std::int64_t kMaxOrphansPerCall = 20'000;

}  // namespace

Result<Expiry> Expiry::prepare(const Connection& connection, JobCache& jobs) {
  Expiry expiry(jobs);
  BRINE_LET(expiry.due_, connection.prepare("SELECT jid, feed FROM jobs WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ?2"));
  BRINE_LET(expiry.position_, connection.prepare("SELECT position FROM returners WHERE name = ?1"));
  BRINE_LET(expiry.oldest_, connection.prepare("SELECT position, received, bytes_up_to_here FROM entries WHERE position > ?1 "
                                               "ORDER BY position LIMIT ?2"));
  BRINE_LET(expiry.bytes_, connection.prepare("SELECT bytes_up_to_here FROM entries WHERE position = ?1"));
  BRINE_LET(expiry.last_orphan_, connection.prepare("SELECT max(position) FROM (SELECT position FROM orphans WHERE position <= ?1 "
                                                    "ORDER BY position LIMIT ?2)"));
  BRINE_LET(expiry.delete_orphan_entries_,
            connection.prepare("DELETE FROM entries WHERE position IN (SELECT position FROM orphans WHERE position <= ?1)"));
  BRINE_LET(expiry.delete_orphans_, connection.prepare("DELETE FROM orphans WHERE position <= ?1"));
  BRINE_LET(expiry.make_orphans_,
            connection.prepare("INSERT INTO orphans(position) SELECT position FROM returns WHERE jid = ?1 AND position > ?2"));
  BRINE_LET(expiry.delete_entries_,
            connection.prepare("DELETE FROM entries WHERE position IN (SELECT position FROM returns WHERE jid = ?1 AND position <= ?2)"));
  BRINE_LET(expiry.delete_returns_, connection.prepare("DELETE FROM returns WHERE jid = ?1"));
  BRINE_LET(expiry.delete_progress_, connection.prepare("DELETE FROM progress WHERE jid = ?1"));
  BRINE_LET(expiry.delete_feed_, connection.prepare("DELETE FROM feed WHERE counter = ?1"));
  BRINE_LET(expiry.delete_job_, connection.prepare("DELETE FROM jobs WHERE jid = ?1"));
  return expiry;
}

Result<Expired> Expiry::run(const Retention& retention, Counters& counters) {
  Expired expired;
  BRINE_LET(expired.dropped, trim_outbox(retention, counters));
  std::vector<std::pair<PackedJid, std::int64_t>> due;
  {
    auto rows = due_.query(retention.now, static_cast<std::int64_t>(retention.max_jobs));
    while (rows.next()) due.emplace_back(rows.integer(0), rows.integer(1));
    BRINE_TRY(rows.status());
  }
  for (const auto& [jid, feed] : due) BRINE_TRY(delete_job(jid, feed, counters.outbox_start));
  expired.jobs = due.size();
  return expired;
}

Result<std::uint64_t> Expiry::trim_outbox(const Retention& retention, Counters& counters) {
  BRINE_LET(const std::int64_t passed, passed_by_all(retention, counters));
  BRINE_LET(const Cut cut, drop_beyond_bounds(retention, counters, passed));
  BRINE_LET(counters.outbox_start_bytes, bytes_up_to(cut.start, counters));
  counters.outbox_start = cut.start;
  BRINE_TRY(delete_orphans(counters.outbox_start));
  return cut.dropped;
}

Result<std::int64_t> Expiry::bytes_up_to(std::int64_t position, const Counters& counters) {
  if (position == counters.outbox_start) return counters.outbox_start_bytes;
  auto rows = bytes_.query(position);
  if (rows.next()) return rows.integer(0);
  BRINE_TRY(rows.status());
  return fail(Code::kCorrupt, "outbox entry " + std::to_string(position) + " is missing");
}

Result<std::int64_t> Expiry::passed_by_all(const Retention& retention, const Counters& counters) {
  std::int64_t passed = counters.outbox_end;
  for (const std::string& returner : retention.returners) {
    auto rows = position_.query(std::string_view(returner));
    passed = std::min(passed, rows.next() ? rows.integer(0) : 0);
    BRINE_TRY(rows.status());
  }
  return std::max(passed, counters.outbox_start);
}

Result<Expiry::Cut> Expiry::drop_beyond_bounds(const Retention& retention, const Counters& counters, std::int64_t after) {
  Cut cut{after, 0};
  BRINE_LET(std::int64_t gone, bytes_up_to(after, counters));
  auto rows = oldest_.query(after, kMaxDroppedPerCall);
  while (rows.next()) {
    const bool too_old = rows.integer(1) < retention.outbox_before;
    const bool too_much =
        retention.outbox_max_bytes > 0 && static_cast<std::uint64_t>(counters.outbox_end_bytes - gone) > retention.outbox_max_bytes;
    if (!too_old && !too_much) break;
    cut.start = rows.integer(0);
    gone = rows.integer(2);
    ++cut.dropped;
  }
  BRINE_TRY(rows.status());
  return cut;
}

Status Expiry::delete_orphans(std::int64_t up_to) {
  std::int64_t last = 0;
  {
    auto rows = last_orphan_.query(up_to, kMaxOrphansPerCall);
    if (rows.next()) last = rows.integer(0);
    BRINE_TRY(rows.status());
  }
  if (last == 0) return {};
  BRINE_TRY(delete_orphan_entries_.run(last));
  return delete_orphans_.run(last);
}

Status Expiry::delete_job(PackedJid jid, std::int64_t feed, std::int64_t outbox_start) {
  jobs_->forget(jid);
  BRINE_TRY(make_orphans_.run(jid, outbox_start));
  BRINE_TRY(delete_entries_.run(jid, outbox_start));
  BRINE_TRY(delete_returns_.run(jid));
  BRINE_TRY(delete_progress_.run(jid));
  BRINE_TRY(delete_feed_.run(feed));
  return delete_job_.run(jid);
}

}  // namespace brine::store::sqlite
