#include "store/sqlite/reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/bytes.h"
#include "store/sqlite/rows.h"

namespace brine::store::sqlite {
namespace {

constexpr const char* kReaderSettings =
    "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON";

// For LIMIT and positions, which sqlite takes signed.
std::int64_t clamp(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
}

template <typename T, typename Make>
Result<std::vector<T>> collect(Rows&& rows, Make make) {
  std::vector<T> all;
  while (rows.next()) all.push_back(make(rows));
  BRINE_TRY(rows.status());
  return all;
}

JobId jid_in_column_0(const Rows& rows) { return unpack(rows.integer(0)); }

}  // namespace

Result<std::unique_ptr<Reader>> Reader::open(const std::string& file, const std::string& vfs) {
  BRINE_LET(auto connection, Connection::open(file, Connection::Access::kReadOnly, vfs));
  std::unique_ptr<Reader> reader(new Reader(std::move(connection)));
  BRINE_TRY(reader->connection_.execute(kReaderSettings));
  BRINE_TRY(reader->prepare());
  return reader;
}

Status Reader::prepare() {
  BRINE_LET(auto counters, CountersRow::prepare(connection_));
  counters_ = std::make_unique<CountersRow>(std::move(counters));
  BRINE_LET(begin_, connection_.prepare("BEGIN"));
  BRINE_LET(end_, connection_.prepare("COMMIT"));
  BRINE_LET(keys_, connection_.prepare("SELECT " BRINE_KEY_COLUMNS " FROM keys ORDER BY id, denied"));
  BRINE_LET(tokens_, connection_.prepare("SELECT " BRINE_TOKEN_COLUMNS " FROM tokens ORDER BY id"));
  BRINE_LET(grains_, connection_.prepare("SELECT id, json FROM grains ORDER BY id"));
  BRINE_LET(journals_, connection_.prepare("SELECT id, epoch, sequence FROM journals ORDER BY id"));
  BRINE_LET(mine_, connection_.prepare("SELECT id, name, value, allow, changed FROM mine ORDER BY id, name"));
  BRINE_LET(setting_, connection_.prepare("SELECT value FROM settings WHERE name = ?1"));
  BRINE_LET(feed_, connection_.prepare("SELECT counter, jid FROM feed WHERE counter > ?1 ORDER BY counter LIMIT ?2"));
  BRINE_LET(job_, connection_.prepare("SELECT " BRINE_JOB_COLUMNS " FROM jobs WHERE jid = ?1"));
  BRINE_LET(submission_, connection_.prepare("SELECT jid FROM jobs WHERE submission = ?1"));
  BRINE_LET(expected_, connection_.prepare("SELECT expected FROM jobs WHERE jid = ?1"));
  BRINE_LET(returns_, connection_.prepare("SELECT " BRINE_ENTRY_COLUMNS " FROM returns r JOIN entries e ON e.position = r.position "
                                          "WHERE r.jid = ?1 AND r.minion >= ?2 ORDER BY r.minion LIMIT ?3"));
  BRINE_LET(returned_, connection_.prepare("SELECT minion FROM returns WHERE jid = ?1 ORDER BY minion"));
  BRINE_LET(open_, connection_.prepare("SELECT jid FROM jobs WHERE not_after >= ?1 ORDER BY jid"));
  for (std::size_t i = 0; i < list_.size(); ++i) {
    BRINE_LET(list_[i], connection_.prepare(kJobQueries[i]));
  }
  BRINE_LET(outbox_,
            connection_.prepare("SELECT " BRINE_ENTRY_COLUMNS " FROM entries e WHERE e.position > ?1 ORDER BY e.position LIMIT ?2"));
  BRINE_LET(position_, connection_.prepare("SELECT position FROM returners WHERE name = ?1"));
  return {};
}

template <typename Body>
auto Reader::snapshot(Body body) -> decltype(body()) {
  BRINE_TRY(begin_.run());
  auto result = body();
  if (auto ended = end_.run(); result && !ended) result = std::unexpected<Error>(ended.error());
  return result;
}

Result<std::vector<KeyRecord>> Reader::keys() { return collect<KeyRecord>(keys_.query(), key_of); }

Result<std::vector<TokenRecord>> Reader::tokens() { return collect<TokenRecord>(tokens_.query(), token_of); }

Result<std::vector<GrainsRecord>> Reader::grains() {
  return collect<GrainsRecord>(grains_.query(),
                               [](const Rows& rows) { return GrainsRecord{MinionId::trusted(rows.string(0)), rows.string(1)}; });
}

Result<std::vector<JournalMark>> Reader::journals() {
  return collect<JournalMark>(journals_.query(), [](const Rows& rows) {
    return JournalMark{MinionId::trusted(rows.string(0)), rows.as<std::uint64_t>(1), rows.as<std::uint64_t>(2)};
  });
}

Result<std::vector<MineRecord>> Reader::mine() {
  return collect<MineRecord>(mine_.query(), [](const Rows& rows) {
    return MineRecord{MinionId::trusted(rows.string(0)), rows.string(1), rows.string(2), rows.string(3), rows.integer(4)};
  });
}

Result<std::optional<std::string>> Reader::setting(const std::string& name) {
  auto rows = setting_.query(std::string_view(name));
  std::optional<std::string> value;
  if (rows.next()) value = rows.string(0);
  BRINE_TRY(rows.status());
  return value;
}

Result<JobId> Reader::last_jid() {
  BRINE_LET(const Counters counters, counters_->read());
  return unpack(counters.last_jid);
}

Result<FeedPosition> Reader::feed_end() {
  BRINE_LET(const Counters counters, counters_->read());
  return FeedPosition{counters.epoch, static_cast<std::uint64_t>(counters.feed_end)};
}

Result<std::vector<FeedEntry>> Reader::feed_after(FeedPosition after, std::size_t max) {
  return snapshot([&]() -> Result<std::vector<FeedEntry>> {
    BRINE_LET(const Counters counters, counters_->read());
    const std::int64_t from = after.epoch == counters.epoch ? clamp(after.counter) : 0;
    return collect<FeedEntry>(feed_.query(from, clamp(max)), [&](const Rows& rows) {
      return FeedEntry{FeedPosition{counters.epoch, rows.as<std::uint64_t>(0)}, unpack(rows.integer(1))};
    });
  });
}

Result<std::optional<JobRecord>> Reader::job(const JobId& jid) {
  BRINE_LET(const PackedJid packed, pack(jid));
  auto rows = job_.query(packed);
  if (!rows.next()) {
    BRINE_TRY(rows.status());
    return std::nullopt;
  }
  BRINE_LET(auto record, sqlite::job_of(rows));
  return record;
}

Result<std::optional<JobId>> Reader::job_of(const SubmissionId& submission) {
  auto rows = submission_.query(Blob{as_view(submission.bytes)});
  std::optional<JobId> jid;
  if (rows.next()) jid = unpack(rows.integer(0));
  BRINE_TRY(rows.status());
  return jid;
}

Result<std::vector<ReturnRecord>> Reader::returns_of(const JobId& jid, const MinionId& after, std::size_t max) {
  BRINE_LET(const PackedJid packed, pack(jid));
  return snapshot([&]() -> Result<std::vector<ReturnRecord>> {
    std::int64_t from = 0;
    if (!after.empty()) {
      BRINE_LET(const auto expected, expected_of(packed));
      from = expected.number_after(after.str());
    }
    return collect<ReturnRecord>(returns_.query(packed, from, clamp(max)), return_of);
  });
}

Result<std::vector<MinionId>> Reader::returned_minions(const JobId& jid) {
  BRINE_LET(const PackedJid packed, pack(jid));
  return snapshot([&]() -> Result<std::vector<MinionId>> {
    BRINE_LET(const auto expected, expected_of(packed));
    std::vector<MinionId> minions;
    auto rows = returned_.query(packed);
    while (rows.next()) {
      const auto number = rows.as<std::size_t>(0);
      if (number >= expected.size()) return fail(Code::kCorrupt, "job " + jid.str() + " has a return of a minion that it does not expect");
      minions.push_back(MinionId::trusted(std::string(expected.id(number))));
    }
    BRINE_TRY(rows.status());
    return minions;
  });
}

Result<std::vector<JobId>> Reader::open_jobs(UnixMicros now) { return collect<JobId>(open_.query(now), jid_in_column_0); }

Result<JobPage> Reader::list_jobs(const JobQuery& query) {
  const JidRange range = jids_of(query);
  PackedJid first = 0;
  PackedJid end = std::numeric_limits<PackedJid>::max();
  if (!range.first.empty()) {
    BRINE_LET(first, pack(range.first));
  }
  if (!range.end.empty()) {
    BRINE_LET(end, pack(range.end));
  }
  JobSieve sieve(query);
  auto rows = find_jobs(query, first, end);
  while (rows.next() && sieve.look_at(jid_in_column_0(rows))) sieve.judge(summary_of(rows));
  BRINE_TRY(rows.status());
  return sieve.take();
}

Rows Reader::find_jobs(const JobQuery& query, PackedJid first, PackedJid end) {
  const auto list = [&](JobIndex index) -> Statement& { return list_[static_cast<std::size_t>(index)]; };
  if (query.ending == JobQuery::Ending::kFailed) return list(JobIndex::kFailed).query(first, end);
  if (!query.target.empty()) return list(JobIndex::kTarget).query(first, end, std::string_view(query.target));
  if (!query.function.empty()) return list(JobIndex::kFunction).query(first, end, std::string_view(query.function));
  if (!query.user.empty()) return list(JobIndex::kUser).query(first, end, std::string_view(query.user));
  return list(JobIndex::kJid).query(first, end);
}

Result<std::vector<OutboxEntry>> Reader::outbox_after(std::uint64_t position, std::size_t max) {
  return snapshot([&]() -> Result<std::vector<OutboxEntry>> {
    BRINE_LET(const Counters counters, counters_->read());
    std::vector<OutboxEntry> entries;
    std::size_t bytes = 0;
    auto rows = outbox_.query(std::max(clamp(position), counters.outbox_start), clamp(max));
    while (bytes < kOutboxPageBytes && rows.next()) {
      entries.push_back(outbox_entry_of(rows));
      bytes += entries.back().value.payload.size() + entries.back().event.data.size();
    }
    BRINE_TRY(rows.status());
    return entries;
  });
}

Result<std::uint64_t> Reader::returner_position(const std::string& returner) {
  auto rows = position_.query(std::string_view(returner));
  const auto position = rows.next() ? rows.as<std::uint64_t>(0) : 0;
  BRINE_TRY(rows.status());
  return position;
}

Result<OutboxUsage> Reader::outbox_usage() {
  BRINE_LET(const Counters counters, counters_->read());
  return OutboxUsage{static_cast<std::uint64_t>(counters.outbox_end - counters.outbox_start),
                     static_cast<std::uint64_t>(counters.outbox_end_bytes - counters.outbox_start_bytes),
                     static_cast<std::uint64_t>(counters.outbox_end)};
}

Result<ExpectedSet> Reader::expected_of(PackedJid jid) {
  auto rows = expected_.query(jid);
  if (!rows.next()) {
    BRINE_TRY(rows.status());
    return ExpectedSet();
  }
  return ExpectedSet::decode(rows.bytes(0));
}

}  // namespace brine::store::sqlite
