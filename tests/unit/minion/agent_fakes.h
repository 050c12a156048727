// The world of an agent, in memory: a link to a scripted master that speaks the real protocol, a journal, an executor. All of them
// write what happens into one list, so that tests can ask for the order of things.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "minion/agent.h"
#include "net/handshake.h"
#include "net/merkle.h"
#include "net/session_cipher.h"
#include "net/tickets.h"
#include "net/trust.h"
#include "tests/unit/engine/fake_clock.h"
#include "wire/job.h"
#include "wire/session.h"

namespace brine::minion {

using Happened = std::vector<std::string>;

inline MinionId id_of(std::string_view text) { return MinionId::trusted(std::string(text)); }
inline JobId jid_number(int number) { return job_id_at(kStart + number); }

class MemoryJournal final : public Journal {
 public:
  explicit MemoryJournal(Happened& happened) : happened_(happened) {}

  std::uint64_t epoch() const override { return epoch_; }
  Status renew(UnixMicros birth) override;
  UnixMicros birth() const override { return birth_; }
  Status set_birth(UnixMicros birth) override;
  std::uint64_t sequence() const override { return sequence_; }
  Status begun(const JobId& jid, UnixMicros not_after, std::string_view job_hash) override;
  Status started(const JobId&, const StartedCommand&) override { return {}; }
  Status done(const JobId& jid, UnixMicros not_after, std::string outcome) override;
  Status acked(const JobId& jid) override;
  Status sync() override;
  const JournalEntry* find(const JobId& jid) const override;
  std::vector<const JournalEntry*> unfinished() const override { return in_state(JobState::kBegun); }
  std::vector<const JournalEntry*> unacknowledged() const override { return in_state(JobState::kDone); }
  Status compact(UnixMicros) override { return {}; }

  bool full = false;
  bool sync_fails = false;
  bool renew_fails = false;

 private:
  std::vector<const JournalEntry*> in_state(JobState state) const;

  Happened& happened_;
  std::uint64_t epoch_ = 77;
  UnixMicros birth_ = 0;
  std::uint64_t sequence_ = 0;
  std::map<JobId, JournalEntry> entries_;
};

// Knows test.ping (may be repeated) and cmd.run (may not). Runs nothing: the test says what came of it.
class FakeExecutor final : public Executor {
 public:
  explicit FakeExecutor(Happened& happened);
  const Function* find(std::string_view function) const override { return registry_.find(function); }
  std::size_t room() const override { return room_; }
  void start(JobToRun job) override;
  void cancel_all() override {}

  std::size_t room_ = 100;
  std::vector<JobToRun> started;

 private:
  Happened& happened_;
  Registry registry_;
};

class FakeGrains final : public GrainsSource {
 public:
  std::string text() const override { return grains; }
  std::string grains = R"({"os": "Debian"})";
};

class FakeKeepsake final : public net::Keepsake {
 public:
  void keep_manifest(const std::string& manifest) override { manifests.push_back(manifest); }
  void keep_cookie(const std::string& cookie) override { cookies.push_back(cookie); }
  std::vector<std::string> manifests;
  std::vector<std::string> cookies;
};

// The other end: real handshakes and sealing, answers by script.
class ScriptedMaster {
 public:
  ScriptedMaster(Happened& happened, const Clock& clock);

  // What the link carries to it. Sealed messages are opened at once and noted: "return <jid>", "receipt <jid> running", ...
  void take(std::string_view frame);
  void hang_up();

  // Answers the hello that has come, and takes the finish; the agent then waits for a welcome.
  void shake_hands(Agent& agent);
  // kAccepted with a ticket for that version of the key.
  wire::Welcome accepting(std::uint64_t key_version = 1);
  void send(Agent& agent, const wire::SessionMessage& message);

  // A signed job for these minions, as it would be delivered to `to`.
  wire::Job job(int number, std::string function = "cmd.run");
  wire::Delivery delivery(wire::Job job, std::vector<MinionId> expected, const MinionId& to, const net::SigningKey* signer = nullptr) const;

  // Everything sealed that has come since the last call, of one type.
  template <typename Message>
  std::vector<Message> taken() {
    std::vector<Message> list;
    for (const wire::SessionMessage& message : inbox_) {
      if (const auto* value = std::get_if<Message>(&message)) list.push_back(*value);
    }
    std::erase_if(inbox_, [](const auto& message) { return std::holds_alternative<Message>(message); });
    return list;
  }

  const net::ServerHandshake::Peer& peer() const { return *peer_; }
  const std::string& cluster_root() const { return identity_->cluster_root; }
  std::size_t largest_frame() const { return largest_frame_; }
  std::string manifest(std::uint64_t epoch) const;

  // The manifest's epoch is raised, and shown from the next handshake on.
  void renew();

 private:
  Happened& happened_;
  const Clock& clock_;
  net::SigningKey root_ = net::SigningKey::generate();
  net::SigningKey key_ = net::SigningKey::generate();
  net::TicketKeeper tickets_{milliseconds(3'600'000)};
  std::uint64_t epoch_ = 1;
  std::shared_ptr<const net::ServerIdentity> identity_;
  std::optional<std::string> hello_;
  std::optional<std::string> finish_;
  std::optional<net::ServerHandshake::Peer> peer_;
  std::optional<net::SessionCipher> cipher_;
  std::vector<wire::SessionMessage> inbox_;
  std::size_t largest_frame_ = 0;
};

class FakeLink final : public net::Link {
 public:
  explicit FakeLink(ScriptedMaster& master) : master_(master) {}
  void connect(const std::string& endpoint) override {
    endpoints.push_back(endpoint);
    connected = true;
  }
  void disconnect() override {
    if (connected) master_.hang_up();
    connected = false;
  }
  bool send(std::string_view frame) override {
    if (!takes) return false;
    master_.take(frame);
    return true;
  }

  bool connected = false;
  bool takes = true;
  std::vector<std::string> endpoints;

 private:
  ScriptedMaster& master_;
};

class FakeMineListener final : public MineListener {
 public:
  void session_opened() override { ++opened; }
  void session_closed() override { ++closed; }
  void replied(std::uint32_t number, std::string json, std::string error) override {
    replies.push_back(std::to_string(number) + json + error);
  }

  int opened = 0;
  int closed = 0;
  std::vector<std::string> replies;
};

// One agent "web1" with all of its world.
class AgentTest : public testing::Test {
 protected:
  AgentTest();

  void make(AgentOptions options = {}, std::string cookie = "");
  // A new process on the same disk.
  void restart();

  // Lets time pass until the agent connects, and tells it that it has.
  void connect();
  // From nothing to an open session.
  void open_session();
  void open_session(const wire::Welcome& welcome);
  void lose_connection() {
    master.hang_up();
    agent->on_lost();
  }

  // Delivers a job for this minion, without the flush at the end of the turn.
  void deliver(const wire::Job& job);
  void run(const wire::Job& job) {
    deliver(job);
    agent->flush();
  }
  void finish(int number, Json value = true, int retcode = 0);
  void acknowledge(std::vector<JobId> jids) { master.send(*agent, wire::Ack{std::move(jids)}); }

  std::vector<store::ReturnRecord> returns();
  std::vector<std::string> receipts();
  std::vector<std::string> jids_started() const;
  // The place of the first line that begins so; happened.size() if there is none.
  std::size_t place_of(std::string_view line) const;

  FakeClock clock;
  Happened happened;
  ScriptedMaster master{happened, clock};
  FakeLink link{master};
  MemoryJournal journal{happened};
  FakeExecutor executor{happened};
  FakeGrains grains;
  FakeKeepsake keepsake;
  FakeMineListener mine;
  AgentCounters counters;
  net::SigningKey key = net::SigningKey::generate();
  std::unique_ptr<net::Trust> trust;
  AgentOptions options;
  std::unique_ptr<Agent> agent;
};

}  // namespace brine::minion
