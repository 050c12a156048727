// A shared store in memory: SharedMemory is what a server would hold, SharedMemoryClient one master's way to it. It passes the contract
// suite (simulation_store_test). Belongs to one thread; time is that of the clock it is given.
//
// Nothing that was committed is ever lost, unless a test takes it away.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/shared_store.h"

namespace brine::simulation {

// What a call of the store meets.
enum class Fault : std::uint8_t {
  kNone,
  kAway,  // it does not arrive
  kDeaf,  // it arrives, and the answer does not
  kTorn,  // a commit: some of its steps are done, then the connection breaks; else as kDeaf
};

struct SharedMemory {
  explicit SharedMemory(const Clock& given) : clock(given) {}

  struct Lease {
    std::uint64_t token = 0;
    MonoTime until;
  };
  struct Told {
    std::uint64_t origin;
    store::News news;
  };

  store::JobResult publish(const store::JobRecord& job, JobId& jid);
  store::ReturnResult add(const store::ReturnRecord& value);
  store::UseResult use(const store::KeyRecord& key, const std::string& token);
  bool depart(const store::Departure& departure);
  void tell(std::uint64_t origin, store::News news);
  // Forgets the oldest news: whoever has not read them has missed something.
  void trim_news(std::size_t keep);
  // A replica takes over that has all that was committed, and of leases, presence and news what came before the last commit.
  void fail_over();
  bool holds_lease(const std::string& master, std::uint64_t token) const;

  const Clock& clock;
  std::uint64_t epoch = 7;
  std::map<JobId, store::JobRecord> jobs;
  JobId last_jid;
  std::map<SubmissionId, JobId> submissions;
  std::map<std::uint64_t, JobId> feed;
  std::uint64_t feed_end = 0;
  std::map<std::pair<JobId, MinionId>, store::ReturnRecord> returns;
  std::deque<store::OutboxEntry> outbox;
  std::uint64_t outbox_end = 0;
  std::map<std::pair<MinionId, bool>, store::KeyRecord> keys;  // (id, denied?)
  std::map<std::string, store::TokenRecord> tokens;
  std::map<MinionId, store::GrainsRecord> grains;
  std::map<MinionId, store::JournalMark> journals;
  std::map<std::pair<MinionId, std::string>, store::MineRecord> mine;  // (id, name)
  std::map<std::string, std::string> settings;
  std::map<std::string, std::uint64_t> positions;
  std::uint32_t next_index = 1;
  std::set<std::uint64_t> predecessors;
  std::uint64_t history = 1;  // of the server: another one when it has taken over

  // What is not waited for: replicas may not have the last of it.
  struct Unconfirmed {
    std::map<std::string, Lease> leases;
    std::map<std::string, store::MasterCard> cards;
    std::map<MinionId, store::Presence> presence;
    std::uint64_t generation = 0;
    std::deque<Told> news;
    std::uint64_t news_end = 0;  // number of the newest
  };
  Unconfirmed now, confirmed;
};

class SharedMemoryClient final : public store::SharedStore {
 public:
  // fault is asked at every call. token: of this process, never used again. late: called between what a commit does and its answer.
  SharedMemoryClient(SharedMemory& server, std::uint64_t token, std::function<Fault()> fault, std::function<void()> late = [] {});

  std::uint64_t epoch() const override { return server_.epoch; }
  Result<store::CommitOutcome> commit(const store::Batch& batch) override {
    auto outcome = do_commit(batch);
    late_();
    return outcome;
  }
  Status reopen() override;
  Result<store::Expired> expire(const store::Retention& retention) override;
  Result<std::vector<store::KeyRecord>> keys() const override;
  Result<std::vector<store::TokenRecord>> tokens() const override;
  Result<std::vector<store::GrainsRecord>> grains() const override;
  Result<std::vector<store::JournalMark>> journals() const override;
  Result<std::vector<store::MineRecord>> mine() const override;
  Result<std::optional<std::string>> setting(const std::string& name) const override;
  Result<JobId> last_jid() const override;
  Result<store::FeedPosition> feed_end() const override;
  Result<std::vector<store::FeedEntry>> feed_after(store::FeedPosition after, std::size_t max) const override;
  Result<std::optional<store::JobRecord>> job(const JobId& jid) const override;
  Result<std::optional<JobId>> job_of(const SubmissionId& submission) const override;
  Result<std::vector<store::ReturnRecord>> returns_of(const JobId& jid, const MinionId& after, std::size_t max) const override;
  Result<std::vector<MinionId>> returned_minions(const JobId& jid) const override;
  Result<std::vector<JobId>> open_jobs(UnixMicros now) const override;
  Result<store::JobPage> list_jobs(const store::JobQuery& query) const override;
  Result<std::vector<store::OutboxEntry>> outbox_after(std::uint64_t position, std::size_t max) const override;
  Result<std::uint64_t> returner_position(const std::string& returner) const override;
  Result<store::OutboxUsage> outbox_usage() const override;

  Result<std::unique_ptr<store::NewsReader>> news() override;
  Result<std::unique_ptr<store::Membership>> membership() override;
  Result<std::vector<store::KeyRecord>> keys_of(const std::vector<MinionId>& ids) const override;
  Result<std::vector<store::GrainsRecord>> grains_of(const std::vector<MinionId>& ids) const override;
  Result<std::vector<store::JournalMark>> journals_of(const std::vector<MinionId>& ids) const override;
  Result<std::vector<store::MineRecord>> mine_of(const std::vector<MinionId>& ids) const override;
  Result<std::vector<store::Presence>> presence() const override;
  Result<std::vector<store::Presence>> presence_of(const std::vector<MinionId>& ids) const override;
  Result<std::vector<store::ReturnRecord>> returns_at(const JobId& jid, const std::vector<MinionId>& expected,
                                                      const std::vector<std::uint32_t>& places) const override;
  Result<bool> succeeds(std::uint64_t epoch) const override;
  Status succeed(std::uint64_t epoch) override;
  Result<std::uint32_t> reserve_indexes(std::uint32_t count) override;
  Result<std::string> claim_setting(const std::string& name, const std::string& value) override;
  Result<UnixMicros> time() const override;

 private:
  Result<store::CommitOutcome> do_commit(const store::Batch& batch);
  // What read gives, if it and its answer arrive.
  template <typename Read>
  auto answer(Read read) const -> Result<decltype(read())>;

  SharedMemory& server_;
  const std::uint64_t token_;
  const std::function<Fault()> fault_;
  const std::function<void()> late_;
};

}  // namespace brine::simulation
