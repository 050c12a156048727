// Everything that is read, over one connection. Belongs to one thread at a time. After kUnavailable the connection is dead.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/expected_set.h"
#include "store/redis/connection.h"
#include "store/redis/layout.h"
#include "store/shared_store.h"

namespace brine::store::redis {

class Reader {
 public:
  Reader(Connection& connection, const Layout& layout, std::uint64_t epoch) : connection_(connection), layout_(layout), epoch_(epoch) {}

  Result<std::vector<KeyRecord>> keys();
  Result<std::vector<KeyRecord>> keys_of(const std::vector<MinionId>& ids);
  Result<std::vector<TokenRecord>> tokens();
  Result<std::vector<GrainsRecord>> grains();
  Result<std::vector<GrainsRecord>> grains_of(const std::vector<MinionId>& ids);
  Result<std::vector<JournalMark>> journals();
  Result<std::vector<JournalMark>> journals_of(const std::vector<MinionId>& ids);
  Result<std::vector<MineRecord>> mine();
  Result<std::vector<MineRecord>> mine_of(const std::vector<MinionId>& ids);
  Result<std::vector<Presence>> presence();
  Result<std::vector<Presence>> presence_of(const std::vector<MinionId>& ids);
  Result<std::optional<std::string>> setting(const std::string& name);
  Result<JobId> last_jid();
  Result<FeedPosition> feed_end();
  Result<std::vector<FeedEntry>> feed_after(FeedPosition after, std::size_t max);
  Result<std::optional<JobRecord>> job(const JobId& jid);
  Result<std::optional<JobId>> job_of(const SubmissionId& submission);
  Result<std::vector<ReturnRecord>> returns_of(const JobId& jid, const MinionId& after, std::size_t max);
  Result<std::vector<ReturnRecord>> returns_at(const JobId& jid, const std::vector<MinionId>& expected,
                                               const std::vector<std::uint32_t>& places);
  Result<std::vector<MinionId>> returned_minions(const JobId& jid);
  Result<std::vector<JobId>> open_jobs(UnixMicros now);
  Result<JobPage> list_jobs(const JobQuery& query);
  Result<std::vector<OutboxEntry>> outbox_after(std::uint64_t position, std::size_t max);
  Result<std::uint64_t> returner_position(const std::string& returner);
  Result<OutboxUsage> outbox_usage();
  Result<UnixMicros> time();
  Result<bool> succeeds(std::uint64_t epoch);
  // kCorrupt when this is another store now than the one that was opened, or none: what was read before may be of either.
  Status still_ours();
  Status wait_for_replicas(int replicas, milliseconds patience);

 private:
  // Every field and value of a hash, in portions, so that a large one holds up nobody for long.
  template <typename Take>
  Status scan(const std::string& hash, Take take);
  // These fields of a hash; take gets those that are there.
  template <typename Take>
  Status pick(const std::string& hash, const std::vector<std::string>& fields, Take take);
  Result<bool> judge_jobs(ReplyView jids, JobSieve& sieve);
  Result<ExpectedSet> expected_of(const JobId& jid);

  Connection& connection_;
  const Layout& layout_;
  const std::uint64_t epoch_;
};

}  // namespace brine::store::redis
