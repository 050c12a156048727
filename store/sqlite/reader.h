// The reading half: a second connection that cannot write. Each method is one read transaction and sees one committed state.
//
// Not thread-safe: SqliteStore guards it with its mutex.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/expected_set.h"
#include "store/packed_jid.h"
#include "store/records.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/counters.h"
#include "store/sqlite/job_queries.h"
#include "store/state_store.h"

namespace brine::store::sqlite {

class Reader {
 public:
  static Result<std::unique_ptr<Reader>> open(const std::string& file, const std::string& vfs);

  // As the methods of StateStore.
  Result<std::vector<KeyRecord>> keys();
  Result<std::vector<TokenRecord>> tokens();
  Result<std::vector<GrainsRecord>> grains();
  Result<std::vector<JournalMark>> journals();
  Result<std::vector<MineRecord>> mine();
  Result<std::optional<std::string>> setting(const std::string& name);
  Result<JobId> last_jid();
  Result<FeedPosition> feed_end();
  Result<std::vector<FeedEntry>> feed_after(FeedPosition after, std::size_t max);
  Result<std::optional<JobRecord>> job(const JobId& jid);
  Result<std::optional<JobId>> job_of(const SubmissionId& submission);
  Result<std::vector<ReturnRecord>> returns_of(const JobId& jid, const MinionId& after, std::size_t max);
  Result<std::vector<MinionId>> returned_minions(const JobId& jid);
  Result<std::vector<JobId>> open_jobs(UnixMicros now);
  Result<JobPage> list_jobs(const JobQuery& query);
  Result<std::vector<OutboxEntry>> outbox_after(std::uint64_t position, std::size_t max);
  Result<std::uint64_t> returner_position(const std::string& returner);
  Result<OutboxUsage> outbox_usage();

 private:
  explicit Reader(Connection connection) : connection_(std::move(connection)) {}

  Status prepare();
  template <typename Body>
  auto snapshot(Body body) -> decltype(body());
  Rows find_jobs(const JobQuery& query, PackedJid first, PackedJid end);
  Result<ExpectedSet> expected_of(PackedJid jid);  // empty if there is no such job

  Connection connection_;
  std::unique_ptr<CountersRow> counters_;
  Statement begin_, end_;
  Statement keys_, tokens_, grains_, journals_, mine_, setting_, feed_, job_, submission_, expected_, returns_, returned_, open_, outbox_,
      position_;
  std::array<Statement, kJobQueries.size()> list_;
};

}  // namespace brine::store::sqlite
