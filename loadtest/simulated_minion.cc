#include "loadtest/simulated_minion.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "loadtest/memory_journal.h"
#include "net/session_cipher.h"
#include "wire/handshake.h"

namespace brine::loadtest {
namespace {

using minion::Agent;

constexpr seconds kCompactEvery{60};
constexpr seconds kLeaveWithin{10};
// As in config/minion_config.h: job_queue_max and process_count_max.
constexpr std::size_t kRoom = 1'008;
// Of a sealed frame, over what is sealed: header, counter, tag.
constexpr std::size_t kSealed = wire::kFrameHeader + sizeof(std::uint64_t) + net::kTagBytes;

net::SigningKey key_of(std::uint64_t seed, const MinionId& id) {
  return *net::SigningKey::from_seed(net::sha256("brine-swarm " + std::to_string(seed) + " " + id.str()));
}

bool is_connecting(Agent::State state) {
  return state == Agent::State::kConnecting || state == Agent::State::kHandshake || state == Agent::State::kAwaitWelcome;
}

// Values have the form of addresses: a number that grows, filled up to their size.
std::string mine_value(std::uint32_t minion, std::uint64_t change, std::size_t bytes) {
  std::string value = std::to_string(minion) + ":" + std::to_string(change);
  value.resize(std::max(value.size(), bytes), '.');
  return value;
}

}  // namespace

SimulatedMinion::SimulatedMinion(Surroundings& surroundings, std::uint32_t slot, std::uint32_t number)
    : around_(surroundings),
      slot_(slot),
      number_(number),
      id_(MinionId::trusted(minion_name(around_.config.id_prefix, number))),
      key_(key_of(around_.config.seed, id_)),
      trust_(around_.config.master_finger),
      link_(around_.links, slot, number),
      next_flap_(MonoTime::max()),
      next_compact_(around_.clock.now() + kCompactEvery + milliseconds(number % 60'000)) {}

SimulatedMinion::~SimulatedMinion() { end_life(); }

Status SimulatedMinion::start() {
  BRINE_TRY(open_journal());
  return build_agent();
}

Status SimulatedMinion::open_journal() {
  if (around_.config.journal == JournalKind::kMemory) {
    if (!journal_) journal_ = make_memory_journal();
    return {};
  }
  journal_.reset();
  BRINE_LET(journal_, minion::open_file_journal({around_.config.folder + "/" + id_.str() + ".journal"}));
  return {};
}

Status SimulatedMinion::build_agent() {
  minion::AgentOptions options;
  options.id = id_;
  options.masters = around_.config.masters;
  options.join_token = around_.config.join_token;
  options.recon_default = around_.config.recon_default;
  options.recon_max = around_.config.recon_max;
  options.rebalance_within = around_.config.rebalance_within;
  build_mine();
  const auto cut_off = static_cast<std::int64_t>(journal_->unfinished().size());
  agent_.emplace(
      minion::AgentParts{key_, trust_, *this, *journal_, *this, *this, *this, around_.clock, around_.agent_counters, mine_.get()}, options,
      cookie_);
  BRINE_TRY(agent_->report_interrupted());
  around_.counters.interrupted.add(cut_off);
  for (const minion::JournalEntry* entry : journal_->unacknowledged()) note_outcome(entry->jid);
  return {};
}

void SimulatedMinion::build_mine() {
  const MineConfig& config = around_.config.mine;
  if (config.entries == 0) return;
  mine_ = std::make_unique<minion::MineKeeper>(
      minion::MineKeeper::Parts{around_.clock, [](const minion::MineFunction&) { return false; },
                                [this](const wire::SessionMessage& message) { return agent_ && agent_->tell(message); },
                                [](const std::string&) {}, around_.mine_counters},
      std::vector<minion::MineFunction>(), milliseconds(0), "");
  for (std::uint32_t i = 0; i < config.entries; ++i) publish_mine(i);
  if (config.change_every > milliseconds(0)) next_mine_change_ = around_.clock.now() + config.change_every * (number_ % 97) / 97;
}

void SimulatedMinion::publish_mine(std::uint32_t entry) {
  const std::string value = mine_value(number_, mine_changes_, around_.config.mine.bytes);
  if (auto published = mine_->publish("entry-" + std::to_string(entry), value, "", false); !published)
    log::error("{}: {}", id_.str(), published.error().message);
}

void SimulatedMinion::tick_mine(MonoTime now) {
  if (!mine_) return;
  if (now >= next_mine_change_) {
    next_mine_change_ = now + around_.config.mine.change_every;
    ++mine_changes_;
    publish_mine(static_cast<std::uint32_t>(mine_changes_ % around_.config.mine.entries));
  }
  mine_->on_tick();
}

// As the kernel ends a process: its connection is closed, what it ran has gone.
void SimulatedMinion::end_life() {
  ended_by_us_ = true;
  agent_.reset();
  link_.disconnect();
  note_state();
  around_.counters.unacknowledged.add(-static_cast<std::int64_t>(outstanding_.size()));
  outstanding_.clear();
  running_ = 0;
  ++life_;
}

// ---- what the agent asks for ------------------------------------------------------------------------------------------------

void SimulatedMinion::connect(const std::string& endpoint) {
  around_.counters.connects.add(1);
  link_.connect(endpoint, around_.clock.now());
}

bool SimulatedMinion::send(std::string_view frame) {
  if (!link_.send(frame)) return false;
  // The agent does not say what it has sealed; a return shows by its length.
  const bool is_return =
      is_open() && std::ranges::any_of(outstanding_, [&](const Outstanding& one) { return one.bytes + kSealed == frame.size(); });
  if (is_return) around_.counters.returns_sent.add(1);
  return true;
}

std::size_t SimulatedMinion::room() const { return running_ >= kRoom ? 0 : kRoom - running_; }

void SimulatedMinion::start(minion::JobToRun job) {
  const minion::Function* function = find(job.function);
  around_.log.add(job.jid, id_, function == nullptr || function->repeatable);
  around_.counters.executed.add(1);
  ++running_;
  const MonoTime due = around_.clock.now() + around_.answers.delay(job);
  around_.started.push_back({due, 0, slot_, life_, around_.clock.unix_now(), std::move(job)});
}

// ---- events ----------------------------------------------------------------------------------------------------------------

void SimulatedMinion::on_ready(std::uint32_t events) {
  if (agent_ && !frozen_until_) take(link_.on_ready(events, around_.frames, around_.clock.now()));
}

void SimulatedMinion::take(SwarmLink::Events events) {
  if (events.connected) agent_->on_connected();
  const std::uint32_t generation = link_.generation();
  const bool any = !around_.frames.empty();
  for (const std::string& frame : around_.frames) {
    if (link_.generation() != generation) break;
    look_at(frame);
    agent_->on_frame(frame);
  }
  around_.frames.clear();
  if (events.lost && link_.generation() == generation) agent_->on_lost();
  if (any) note_acknowledgements();
}

// The agent does not tell how its handshake went; the master's hello does.
void SimulatedMinion::look_at(std::string_view bytes) {
  if (agent_->state() != Agent::State::kHandshake) return;
  const auto frame = wire::parse_frame(bytes);
  if (frame && frame->type == wire::FrameType::kRefusal) around_.counters.refused.add(1);
  if (!frame || frame->type != wire::FrameType::kServerHello) return;
  const auto hello = wire::decode_server_hello(frame->body);
  const auto body = hello ? wire::decode_server_hello_body(hello->body) : fail(Code::kInvalid, "");
  resumed_ = body && body->resumed;
}

void SimulatedMinion::on_due(Execution& execution) {
  if (!agent_ || execution.life != life_) return;
  --running_;
  const auto duration = around_.clock.unix_now() - execution.started;
  agent_->on_done(execution.job.jid, around_.answers.answer(execution.job), execution.started, microseconds(duration), false);
  note_outcome(execution.job.jid);
}

MonoTime SimulatedMinion::turn() {
  const MonoTime now = around_.clock.now();
  if (!agent_) return MonoTime::max();
  if (frozen_until_) {
    if (now < *frozen_until_) return *frozen_until_;
    frozen_until_.reset();
    around_.counters.frozen.add(-1);
    link_.resume();
  }
  if (now >= next_flap_) {
    next_flap_ = now + flap_every_;
    drop();
  }
  take(link_.look(now));
  agent_->on_tick();
  tick_mine(now);
  agent_->flush();
  link_.settle();
  compact(now);
  note_state();
  if (leave_by_ && ((agent_->idle() && link_.drained()) || now >= *leave_by_)) {
    if (!is_open() || link_.is_dead()) note_gone();
    end_life();
    left_ = true;
    return MonoTime::max();
  }
  return next_turn();
}

// A machine that is taken away for good while its link is dead takes its journal along.
void SimulatedMinion::note_gone() {
  for (const minion::JournalEntry* entry : journal_->unfinished()) around_.log.gone(entry->jid, id_);
  for (const minion::JournalEntry* entry : journal_->unacknowledged()) around_.log.gone(entry->jid, id_);
}

MonoTime SimulatedMinion::next_turn() const {
  MonoTime next = std::min({agent_->next_tick(), link_.next_look(), next_flap_, next_compact_});
  if (leave_by_) next = std::min(next, *leave_by_);
  if (mine_) next = std::min({next, next_mine_change_, mine_->next_tick()});
  return next;
}

void SimulatedMinion::compact(MonoTime now) {
  if (now < next_compact_) return;
  next_compact_ = now + kCompactEvery;
  if (auto compacted = journal_->compact(agent_->master_now()); !compacted) log::error("{}: {}", id_.str(), compacted.error().message);
}

// ---- counting --------------------------------------------------------------------------------------------------------------

void SimulatedMinion::note_outcome(const JobId& jid) {
  const minion::JournalEntry* entry = journal_->find(jid);
  if (entry == nullptr || entry->state != minion::JobState::kDone) return;
  outstanding_.push_back({jid, entry->outcome.size()});
  around_.counters.unacknowledged.add(1);
}

void SimulatedMinion::note_acknowledgements() {
  const auto acknowledged = static_cast<std::int64_t>(std::erase_if(outstanding_, [&](const Outstanding& one) {
    const minion::JournalEntry* entry = journal_->find(one.jid);
    return entry == nullptr || entry->state == minion::JobState::kAcked;
  }));
  around_.counters.acknowledged.add(acknowledged);
  around_.counters.unacknowledged.add(-acknowledged);
}

void SimulatedMinion::note_state() {
  const Agent::State now = agent_ ? agent_->state() : Agent::State::kStopped;
  SwarmCounters& counters = around_.counters;
  const auto moved = [&](bool before, bool after) { return static_cast<std::int64_t>(after) - static_cast<std::int64_t>(before); };
  const bool was_open = counted_ == Agent::State::kOpen;
  const bool opened = now == Agent::State::kOpen;
  counters.open.add(moved(was_open, opened));
  counters.connecting.add(moved(is_connecting(counted_), is_connecting(now)));
  if (opened && !was_open) (resumed_ ? counters.handshakes_resumed : counters.handshakes_full).add(1);
  if (was_open && !opened && !std::exchange(ended_by_us_, false)) counters.lost.add(1);
  if (opened) ended_by_us_ = false;
  counted_ = now;
}

// ---- faults ----------------------------------------------------------------------------------------------------------------

void SimulatedMinion::drop() {
  if (!agent_ || frozen_until_) return;
  ended_by_us_ = true;
  link_.reset();
  agent_->on_lost();
  note_state();
}

Status SimulatedMinion::restart() {
  if (leave_by_ || frozen_until_) return {};
  end_life();
  return start();
}

void SimulatedMinion::leave() {
  if (!agent_ || leave_by_) return;
  if (frozen_until_) {
    frozen_until_.reset();
    around_.counters.frozen.add(-1);
    link_.resume();
  }
  ended_by_us_ = true;
  leave_by_ = around_.clock.now() + kLeaveWithin;
  agent_->stop();
}

void SimulatedMinion::half_open(MonoTime until) {
  if (!is_open() || leave_by_ || frozen_until_) return;
  frozen_until_ = until;
  around_.counters.frozen.add(1);
  link_.suspend();
}

void SimulatedMinion::black_hole(MonoTime until) {
  if (is_open()) link_.black_hole(until);
}

void SimulatedMinion::flap(milliseconds every) {
  flap_every_ = every;
  // Not all at once: each begins somewhere in its first interval.
  const auto phase = every.count() == 0 ? 0 : static_cast<std::int64_t>(number_) * 7'919 % every.count();
  next_flap_ = every.count() == 0 ? MonoTime::max() : around_.clock.now() + milliseconds(phase);
}

}  // namespace brine::loadtest
