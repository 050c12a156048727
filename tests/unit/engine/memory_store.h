// A store in memory that keeps the promises of store/state_store.h, and fails or stands still when a test says so. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/state_store.h"

namespace brine::engine {

class MemoryStore final : public store::StateStore {
 public:
  // Commits and reopening fail with kUnavailable until come_back().
  void go_away(std::string why);
  void come_back();
  // Commits fail, but reopening succeeds.
  void fail_commits(int count);

  // Lets commits wait for as long as it lives.
  class Hold {
   public:
    explicit Hold(MemoryStore& store);
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { release(); }
    void release();

   private:
    MemoryStore* store_;
  };
  bool commit_is_waiting() const;

  // How many returns each successful commit had, in order; and the returns in the order in which they were first kept.
  std::vector<std::size_t> commit_sizes() const;
  std::vector<store::ReturnRecord> kept() const;
  std::map<std::string, std::string> settings() const;
  int key_writes() const;
  int grains_writes() const;
  int mine_writes() const;
  int reopened() const;
  // What earlier masters left behind.
  void put_job(store::JobRecord job);
  void put_key(store::KeyRecord key);
  void put_journal(store::JournalMark mark);
  void put_mine(store::MineRecord entry);
  std::size_t job_count() const;
  // What the next expire() says; and what the last one was asked to keep.
  void let_expire(store::Expired expired);
  store::Retention retention() const;
  // A batch with a return of this minion is refused as malformed.
  void refuse_returns_of(const MinionId& id);

  std::uint64_t epoch() const override { return 7; }
  Result<store::CommitOutcome> commit(const store::Batch& batch) override;
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

 private:
  store::ReturnResult add(const store::ReturnRecord& value);
  store::UseResult use(const store::KeyRecord& key, const std::string& token);
  store::JobResult publish(const store::JobRecord& job, JobId& jid);

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable moved_;
  int holds_ = 0;
  bool waiting_ = false;
  bool away_ = false;
  int failing_commits_ = 0;
  std::string why_;
  int reopened_ = 0;
  int key_writes_ = 0;
  int grains_writes_ = 0;
  int mine_writes_ = 0;
  std::vector<std::size_t> commit_sizes_;
  std::vector<store::ReturnRecord> kept_;
  std::map<JobId, store::JobRecord> jobs_;
  std::map<SubmissionId, JobId> submissions_;
  std::vector<store::FeedEntry> feed_;
  std::map<std::pair<JobId, MinionId>, store::ReturnRecord> returns_;
  std::map<std::pair<MinionId, bool>, store::KeyRecord> keys_;
  std::map<std::string, store::TokenRecord> tokens_;
  std::map<MinionId, store::GrainsRecord> grains_;
  std::map<MinionId, store::JournalMark> journals_;
  std::map<std::pair<MinionId, std::string>, store::MineRecord> mine_;
  store::Retention retention_;
  store::Expired expires_;
  std::set<MinionId> malformed_;
  std::map<std::string, std::uint64_t> positions_;
  std::map<std::string, std::string> settings_;
  std::vector<store::OutboxEntry> outbox_;
};

}  // namespace brine::engine
