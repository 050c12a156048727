#include "store/sqlite/expiry.h"

#include <algorithm>
#include <utility>

namespace brine::store::sqlite {
namespace {

constexpr std::int64_t kMaxTooOldPerCall = 100'000;
constexpr std::int64_t kMaxOrphansPerCall = 20'000;

}  // namespace

Result<Expiry> Expiry::prepare(const Connection& connection, JobCache& jobs) {
  Expiry expiry(jobs);
  BRINE_LET(expiry.due_, connection.prepare("SELECT jid, feed FROM jobs WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ?2"));
  BRINE_LET(expiry.position_, connection.prepare("SELECT position FROM returners WHERE name = ?1"));
  BRINE_LET(expiry.received_, connection.prepare("SELECT position, received FROM entries WHERE position > ?1 ORDER BY position LIMIT ?2"));
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

Result<std::size_t> Expiry::run(const ExpiryRequest& request, Counters& counters) {
  BRINE_TRY(trim_outbox(request, counters));
  std::vector<std::pair<PackedJid, std::int64_t>> due;
  {
    auto rows = due_.query(request.now, static_cast<std::int64_t>(request.max_jobs));
    while (rows.next()) due.emplace_back(rows.integer(0), rows.integer(1));
    BRINE_TRY(rows.status());
  }
  for (const auto& [jid, feed] : due) BRINE_TRY(delete_job(jid, feed, counters.outbox_start));
  return due.size();
}

Status Expiry::trim_outbox(const ExpiryRequest& request, Counters& counters) {
  BRINE_LET(std::int64_t start, passed_by_all(request, counters));
  BRINE_LET(start, older_than(request.outbox_before, start));
  if (start > counters.outbox_start) {
    auto rows = bytes_.query(start);
    if (!rows.next()) {
      BRINE_TRY(rows.status());
      return fail(Code::kCorrupt, "outbox entry " + std::to_string(start) + " is missing");
    }
    counters.outbox_start = start;
    counters.outbox_start_bytes = rows.integer(0);
  }
  return delete_orphans(counters.outbox_start);
}

Result<std::int64_t> Expiry::passed_by_all(const ExpiryRequest& request, const Counters& counters) {
  std::int64_t passed = counters.outbox_end;
  for (const std::string& returner : request.returners) {
    auto rows = position_.query(std::string_view(returner));
    passed = std::min(passed, rows.next() ? rows.integer(0) : 0);
    BRINE_TRY(rows.status());
  }
  return std::max(passed, counters.outbox_start);
}

Result<std::int64_t> Expiry::older_than(UnixMicros before, std::int64_t after) {
  auto rows = received_.query(after, kMaxTooOldPerCall);
  while (rows.next() && rows.integer(1) < before) after = rows.integer(0);
  BRINE_TRY(rows.status());
  return after;
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
