#include "tests/unit/minion/agent_fakes.h"

#include "wire/frame.h"

namespace brine::minion {
namespace {

constexpr std::int64_t kYear = 365LL * 86'400 * 1'000'000;

std::string_view word(wire::ReceiptState state) {
  switch (state) {
    case wire::ReceiptState::kQueued: return "queued";
    case wire::ReceiptState::kRunning: return "running";
    case wire::ReceiptState::kDone: return "done";
  }
  return "?";
}

std::string note_of(const wire::SessionMessage& message) {
  if (const auto* value = std::get_if<wire::Return>(&message)) return "return " + value->record.jid.str();
  if (const auto* receipt = std::get_if<wire::Receipt>(&message))
    return "receipt " + receipt->jid.str() + " " + std::string(word(receipt->state));
  if (std::holds_alternative<wire::Status>(message)) return "status";
  if (std::holds_alternative<wire::Leaving>(message)) return "leaving";
  if (std::holds_alternative<wire::Heartbeat>(message)) return "heartbeat";
  if (const auto* mark = std::get_if<wire::JournalMark>(&message))
    return "journal " + std::to_string(mark->epoch) + " " + std::to_string(mark->sequence);
  return "other";
}

}  // namespace

// ---- journal -----------------------------------------------------------------------------------------------------------------

Status MemoryJournal::set_birth(UnixMicros birth) {
  happened_.push_back("birth");
  birth_ = birth;
  return {};
}

Status MemoryJournal::renew(UnixMicros birth) {
  if (renew_fails) return fail(Code::kUnavailable, "the disk is broken");
  happened_.push_back("renew");
  ++epoch_;
  birth_ = birth;
  return {};
}

Status MemoryJournal::begun(const JobId& jid, UnixMicros not_after, std::string_view) {
  if (full) return fail(Code::kFull, "the spool is full");
  ++sequence_;
  happened_.push_back("begun " + jid.str());
  entries_[jid] = {jid, JobState::kBegun, not_after, {}, {}};
  return {};
}

Status MemoryJournal::done(const JobId& jid, UnixMicros not_after, std::string outcome) {
  ++sequence_;
  happened_.push_back("done " + jid.str());
  entries_[jid] = {jid, JobState::kDone, not_after, {}, std::move(outcome)};
  return {};
}

Status MemoryJournal::acked(const JobId& jid) {
  const auto found = entries_.find(jid);
  if (found == entries_.end() || found->second.state != JobState::kDone) return {};
  happened_.push_back("acked " + jid.str());
  found->second.state = JobState::kAcked;
  found->second.outcome.clear();
  return {};
}

Status MemoryJournal::sync() {
  if (sync_fails) return fail(Code::kUnavailable, "the disk is broken");
  happened_.push_back("sync");
  return {};
}

const JournalEntry* MemoryJournal::find(const JobId& jid) const {
  const auto found = entries_.find(jid);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<const JournalEntry*> MemoryJournal::in_state(JobState state) const {
  std::vector<const JournalEntry*> list;
  for (const auto& [jid, entry] : entries_) {
    if (entry.state == state) list.push_back(&entry);
  }
  return list;
}

// ---- executor ----------------------------------------------------------------------------------------------------------------

FakeExecutor::FakeExecutor(Happened& happened) : happened_(happened) {
  Function ping;
  ping.name = "test.ping";
  ping.repeatable = true;
  registry_.add(std::move(ping));
  Function command;
  command.name = "cmd.run";
  registry_.add(std::move(command));
}

void FakeExecutor::start(JobToRun job) {
  happened_.push_back("start " + job.jid.str());
  started.push_back(std::move(job));
}

// ---- master ------------------------------------------------------------------------------------------------------------------

ScriptedMaster::ScriptedMaster(Happened& happened, const Clock& clock) : happened_(happened), clock_(clock) {
  tickets_.rotate(clock.unix_now());
  epoch_ = 0;
  renew();
}

std::string ScriptedMaster::manifest(std::uint64_t epoch) const {
  wire::Member self;
  self.public_key = key_.public_key();
  self.wrap_key = std::string(32, 'w');
  self.name = "master";
  self.serial = 1;
  self.not_after = kStart + kYear;
  wire::Manifest manifest;
  manifest.root = root_.public_key();
  manifest.epoch = epoch;
  manifest.issued = kStart;
  manifest.not_after = kStart + kYear;
  manifest.members.push_back(std::move(self));
  return encode(net::sign_manifest(root_, manifest));
}

void ScriptedMaster::renew() {
  ++epoch_;
  identity_ =
      std::make_shared<const net::ServerIdentity>(net::ServerIdentity{key_, net::sha256(root_.public_key()), manifest(epoch_), epoch_});
}

void ScriptedMaster::hang_up() {
  hello_.reset();
  finish_.reset();
  cipher_.reset();
}

void ScriptedMaster::take(std::string_view bytes) {
  largest_frame_ = std::max(largest_frame_, bytes.size());
  const auto frame = wire::parse_frame(bytes);
  ASSERT_TRUE(frame.has_value());
  if (frame->type == wire::FrameType::kClientHello) {
    hello_ = std::string(frame->body);
    return;
  }
  if (frame->type == wire::FrameType::kClientFinish) {
    finish_ = std::string(frame->body);
    return;
  }
  ASSERT_TRUE(cipher_.has_value()) << "a sealed frame without a session";
  const auto plain = cipher_->open(frame->body);
  ASSERT_TRUE(plain.has_value()) << plain.error().message;
  auto message = wire::decode_session_message(*plain);
  ASSERT_TRUE(message.has_value()) << message.error().message;
  happened_.push_back(note_of(*message));
  inbox_.push_back(std::move(*message));
}

void ScriptedMaster::shake_hands(Agent& agent) {
  ASSERT_TRUE(hello_.has_value()) << "no hello has come";
  net::ServerHandshake handshake(identity_, tickets_);
  const auto lane = handshake.begin(*hello_, clock_.unix_now());
  ASSERT_TRUE(lane.has_value()) << lane.error().message;
  const auto reply = handshake.reply();
  ASSERT_TRUE(reply.has_value());
  agent.on_frame(*reply);
  ASSERT_TRUE(finish_.has_value()) << "no finish has come";
  auto peer = handshake.finish(*finish_);
  ASSERT_TRUE(peer.has_value()) << peer.error().message;
  peer_ = std::move(*peer);
  cipher_.emplace(peer_->keys, net::Side::kMaster);
}

wire::Welcome ScriptedMaster::accepting(std::uint64_t key_version) {
  wire::Welcome welcome;
  welcome.verdict = wire::Verdict::kAccepted;
  welcome.master_time = clock_.unix_now();
  welcome.ticket_life = tickets_.life();
  if (peer_) {
    welcome.ticket = tickets_.seal({peer_->proof.id, net::sha256(peer_->proof.public_key), key_version, epoch_, clock_.unix_now(),
                                    tickets_.life(), peer_->keys.resumption_secret});
  }
  return welcome;
}

void ScriptedMaster::send(Agent& agent, const wire::SessionMessage& message) {
  ASSERT_TRUE(cipher_.has_value());
  const auto frame = cipher_->seal(encode(message));
  ASSERT_TRUE(frame.has_value());
  agent.on_frame(*frame);
}

wire::Job ScriptedMaster::job(int number, std::string function) {
  wire::Job job;
  job.cluster_root = identity_->cluster_root;
  job.jid = jid_number(number);
  job.manifest_epoch = epoch_;
  job.signer = key_.public_key();
  job.function = std::move(function);
  job.arguments = R"({"args": ["uptime"], "kwargs": {"cwd": "/"}})";
  job.target_kind = "glob";
  job.target = "web*";
  job.issued = clock_.unix_now();
  job.not_after = job.issued + 10'000'000;
  job.timeout = milliseconds(5'000);
  return job;
}

wire::Delivery ScriptedMaster::delivery(wire::Job job, std::vector<MinionId> expected, const MinionId& to,
                                        const net::SigningKey* signer) const {
  const net::MerkleTree tree(expected);
  job.expected_root = tree.root();
  job.expected_count = static_cast<std::uint32_t>(expected.size());
  const auto index = static_cast<std::size_t>(std::find(expected.begin(), expected.end(), to) - expected.begin());
  const std::string bytes = encode(job);
  wire::Delivery delivery;
  delivery.job = encode(wire::SignedJob{bytes, net::sign_job(signer != nullptr ? *signer : key_, bytes)});
  delivery.index = static_cast<std::uint32_t>(index);
  delivery.proof = tree.proof(expected, index);
  return delivery;
}

// ---- the agent's world -------------------------------------------------------------------------------------------------------

AgentTest::AgentTest() { make(); }

void AgentTest::make(AgentOptions with, std::string cookie) {
  options = std::move(with);
  options.id = id_of("web1");
  if (options.masters.empty()) options.masters = {"tcp://master:4506"};
  trust = std::make_unique<net::Trust>("");
  agent = std::make_unique<Agent>(AgentParts{key, *trust, link, journal, executor, grains, keepsake, clock, counters, &mine}, options,
                                  std::move(cookie));
}

void AgentTest::restart() {
  master.hang_up();
  make(options);
}

void AgentTest::connect() {
  ASSERT_EQ(agent->state(), Agent::State::kWaiting);
  const std::size_t before = link.endpoints.size();
  clock.advance(std::chrono::duration_cast<microseconds>(std::max(agent->next_tick() - clock.now(), MonoTime::duration(0))));
  agent->on_tick();
  ASSERT_EQ(link.endpoints.size(), before + 1);
  agent->on_connected();
}

void AgentTest::open_session() {
  connect();
  master.shake_hands(*agent);
  master.send(*agent, master.accepting());
  ASSERT_EQ(agent->state(), Agent::State::kOpen);
}

void AgentTest::open_session(const wire::Welcome& welcome) {
  connect();
  master.shake_hands(*agent);
  master.send(*agent, welcome);
  ASSERT_EQ(agent->state(), Agent::State::kOpen);
}

void AgentTest::deliver(const wire::Job& job) {
  master.send(*agent, master.delivery(job, {id_of("db1"), id_of("web1"), id_of("web2")}, id_of("web1")));
}

void AgentTest::finish(int number, Json value, int retcode) {
  agent->on_done(jid_number(number), Outcome{std::move(value), retcode}, clock.unix_now(), microseconds(250), false);
}

std::vector<store::ReturnRecord> AgentTest::returns() {
  std::vector<store::ReturnRecord> records;
  for (wire::Return& value : master.taken<wire::Return>()) records.push_back(std::move(value.record));
  return records;
}

std::vector<std::string> AgentTest::receipts() {
  std::vector<std::string> words;
  for (const wire::Receipt& receipt : master.taken<wire::Receipt>()) words.emplace_back(word(receipt.state));
  return words;
}

std::vector<std::string> AgentTest::jids_started() const {
  std::vector<std::string> jids;
  for (const JobToRun& job : executor.started) jids.push_back(job.jid.str());
  return jids;
}

std::size_t AgentTest::place_of(std::string_view line) const {
  return static_cast<std::size_t>(
      std::find_if(happened.begin(), happened.end(), [&](const auto& other) { return other.starts_with(line); }) - happened.begin());
}

}  // namespace brine::minion
