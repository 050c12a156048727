// What stands in for the outside of the engine: a clock that tests set, a gateway, notary and event bus that write down what they
// are told, a watcher, and eventually(): waiting for a state that other threads bring about.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/job_board.h"
#include "engine/ports.h"
#include "tests/unit/engine/fake_clock.h"
#include "tests/unit/engine/memory_store.h"

namespace brine::engine {

// True as soon as the condition holds; false when it does not within a time that no working program needs.
inline bool eventually(const std::function<bool()>& condition, seconds longest = seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + longest;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

inline MinionId minion_id(std::string_view text) { return MinionId::trusted(std::string(text)); }
inline std::vector<MinionId> minion_ids(std::initializer_list<std::string_view> ids) {
  std::vector<MinionId> all;
  for (const auto id : ids) all.push_back(minion_id(id));
  return all;
}
inline JobId jid_number(int number) { return job_id_at(kStart + number); }
inline SubmissionId submission_number(int number) {
  SubmissionId id;
  for (std::size_t i = 0; i < 4; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}
inline SessionRef session_number(std::uint64_t number) { return {0, number}; }

inline store::ReturnRecord return_of(const JobId& jid, std::string_view minion, std::string payload = "true") {
  store::ReturnRecord record;
  record.jid = jid;
  record.minion = minion_id(minion);
  record.success = true;
  record.payload = std::move(payload);
  return record;
}

// A signed job as the board gets it.
inline std::shared_ptr<store::JobRecord> job_for(int number, std::initializer_list<std::string_view> ids,
                                                 milliseconds life = milliseconds(10'000)) {
  auto job = std::make_shared<store::JobRecord>();
  job->jid = jid_number(number);
  job->submission = submission_number(number);
  job->function = "test.ping";
  job->target_kind = "glob";
  job->target = "*";
  job->timeout = milliseconds(5'000);
  job->issued = kStart;
  job->not_after = kStart + life.count() * 1000;
  job->forget_at = job->not_after + 86'400'000'000;
  job->expected = minion_ids(ids);
  job->signed_job = "signed";
  job->signature = "signature";
  return job;
}

class FakeGateway final : public Gateway {
 public:
  struct Delivered {
    JobId jid;
    SessionRef session;
    std::uint32_t index = 0;
    bool operator==(const Delivered&) const = default;
  };
  struct Ended {
    SessionRef session;
    GoodbyeReason reason;
    std::string text;
  };

  void deliver(std::shared_ptr<const store::JobRecord> job, std::vector<Recipient> recipients) override {
    std::lock_guard lock(mutex_);
    for (const Recipient& to : recipients) deliveries_.push_back({job->jid, to.session, to.index});
  }
  void acknowledge(std::vector<Acknowledgement> list) override {
    std::lock_guard lock(mutex_);
    for (Acknowledgement& value : list) {
      for (JobId& jid : value.jids) acks_.emplace_back(value.session, std::move(jid));
      if (value.at_once) ++acks_at_once_;
    }
  }
  void end_session(SessionRef session, GoodbyeReason reason, std::string text) override {
    std::lock_guard lock(mutex_);
    ended_.push_back({session, reason, std::move(text)});
  }

  void job_closed(const JobId& jid) override {
    std::lock_guard lock(mutex_);
    closed_.push_back(jid);
  }

  std::vector<Delivered> deliveries() const { return copy(deliveries_); }
  std::size_t acks_at_once() const {
    std::lock_guard lock(mutex_);
    return acks_at_once_;
  }
  std::vector<JobId> closed() const { return copy(closed_); }
  std::vector<std::pair<SessionRef, JobId>> acks() const { return copy(acks_); }
  std::vector<Ended> ended() const { return copy(ended_); }

 private:
  template <typename List>
  List copy(const List& list) const {
    std::lock_guard lock(mutex_);
    return list;
  }

  mutable std::mutex mutex_;
  std::vector<Delivered> deliveries_;
  std::vector<std::pair<SessionRef, JobId>> acks_;
  std::size_t acks_at_once_ = 0;
  std::vector<Ended> ended_;
  std::vector<JobId> closed_;
};

// Signs by writing its name in front of the text.
class FakeNotary final : public Notary {
 public:
  Status sign_job(store::JobRecord& job) override {
    job.signed_job = "signed " + job.jid.str();
    job.signature = "signature";
    return {};
  }
  void sign_key(std::string_view text, std::string& signer, std::string& signature) override {
    signer = "master";
    signature = "master:" + std::string(text);
  }
  bool verify_key(std::string_view text, const std::string& signer, const std::string& signature) const override {
    return signer == "master" && signature == "master:" + std::string(text);
  }
  bool fits(const JoinToken& token, std::string_view hash) const override { return hash == "hash of " + token.secret; }
};

class FakeEvents final : public EventSink {
 public:
  bool wanted() const override { return wanted_; }
  void publish(std::string_view tag, std::string json, Origin origin) override {
    std::lock_guard lock(mutex_);
    events_.push_back({std::string(tag), std::move(json), origin});
  }

  void want(bool wanted) { wanted_ = wanted; }
  std::size_t count() const {
    std::lock_guard lock(mutex_);
    return events_.size();
  }
  // How many events have a tag that begins so.
  std::size_t count(std::string_view prefix) const { return count(prefix, Origin::kHere) + count(prefix, Origin::kElsewhere); }
  std::size_t count(std::string_view prefix, Origin origin) const {
    std::lock_guard lock(mutex_);
    std::size_t matching = 0;
    for (const Event& event : events_) matching += event.tag.starts_with(prefix) && event.origin == origin ? 1 : 0;
    return matching;
  }
  std::vector<std::string> jsons_of(std::string_view prefix) const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const Event& event : events_) {
      if (event.tag.starts_with(prefix)) all.push_back(event.json);
    }
    return all;
  }
  std::string json_of(std::string_view prefix) const {
    std::lock_guard lock(mutex_);
    for (const Event& event : events_) {
      if (event.tag.starts_with(prefix)) return event.json;
    }
    return "";
  }

 private:
  struct Event {
    std::string tag;
    std::string json;
    Origin origin;
  };

  std::atomic<bool> wanted_{false};
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

class FakeWatcher final : public Watcher {
 public:
  void returned(const store::ReturnRecord& record) override {
    std::lock_guard lock(mutex_);
    returned_.push_back(record.minion.str());
  }
  void finished(const std::vector<MissingMinion>& missing) override {
    std::lock_guard lock(mutex_);
    ++finishes_;
    for (const MissingMinion& value : missing) missing_[value.id.str()] = value.state;
  }
  bool gone() const override { return gone_; }

  void go() { gone_ = true; }
  int finishes() const {
    std::lock_guard lock(mutex_);
    return finishes_;
  }
  std::vector<std::string> minions_returned() const {
    std::lock_guard lock(mutex_);
    return returned_;
  }
  std::map<std::string, Missing> missing() const {
    std::lock_guard lock(mutex_);
    return missing_;
  }

 private:
  std::atomic<bool> gone_{false};
  mutable std::mutex mutex_;
  int finishes_ = 0;
  std::vector<std::string> returned_;
  std::map<std::string, Missing> missing_;
};

}  // namespace brine::engine
