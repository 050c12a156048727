#include "tests/simulation/model_minion.h"

#include <algorithm>

#include "tests/simulation/world.h"

namespace brine::simulation {
namespace {

constexpr seconds kHandshakePatience{3};
constexpr milliseconds kReceiptAfter{200};

}  // namespace

ModelMinion::ModelMinion(World& world, std::size_t number)
    : world_(world), number_(number), id_(MinionId::trusted("m" + std::to_string(number))) {}

bool ModelMinion::idle() const {
  return running_.empty() &&
         std::all_of(journal_.begin(), journal_.end(), [](const auto& entry) { return entry.second.state == State::kAcknowledged; });
}

template <typename Do>
void ModelMinion::in_this_life(microseconds after, Do what) {
  world_.time.after(after, [this, life = life_, what = std::move(what)] {
    if (!alive_ || life_ != life) return;
    if (paused_) return in_this_life(milliseconds(50), what);
    what();
  });
}

// ---- lives -----------------------------------------------------------------------------------------------------------------

void ModelMinion::start() {
  alive_ = true;
  ++life_;
  for (auto& [jid, entry] : journal_) {
    if (entry.state != State::kBegun) continue;
    entry.outcome = store::Outcome::kInterrupted;
    entry.payload = "\"interrupted\"";
    write(jid, State::kDone);
  }
  master_ = world_.time.below(world_.masters.size());
  turn_to_another(milliseconds(0));
}

void ModelMinion::kill() {
  alive_ = open_ = paused_ = false;
  running_.clear();
  link_.reset();
  world_.network.vanish(End::kMinion, number_);
}

void ModelMinion::drop() {
  if (link_ == nullptr) return;
  leave_link();
  turn_to_another(milliseconds(0));
}

void ModelMinion::leave_link() {
  world_.network.close(std::exchange(link_, nullptr), End::kMinion);
  open_ = false;
}

// ---- connections -----------------------------------------------------------------------------------------------------------

void ModelMinion::turn_to_another(microseconds after) {
  if (world_.time.chance(70)) master_ = world_.time.below(world_.masters.size());
  in_this_life(after + world_.time.between(milliseconds(0), milliseconds(500)), [this] {
    if (link_ == nullptr) connect();
  });
}

void ModelMinion::connect() {
  link_ = world_.network.connect(number_, master_);
  open_ = false;
  in_this_life(kHandshakePatience, [this, link = link_] {
    if (link_ != link || open_) return;
    leave_link();
    turn_to_another(milliseconds(500));
  });
  engine::AdmissionRequest request{id_, "key of " + id_.str(), false, 0, "10.0.0.1", {1000 + number_, sequence_}};
  world_.network.send(link_, End::kMaster, [this, link = link_, request] { world_.masters[link->master]->on_connect(link, request); });
}

void ModelMinion::on_refused(const LinkRef& link) {
  if (link_ != link) return;
  leave_link();
  turn_to_another(milliseconds(500));
}

void ModelMinion::on_admission(const LinkRef& link, const engine::Admission& admission) {
  if (link_ != link) return;
  if (admission.verdict != engine::Verdict::kAccepted) {
    leave_link();
    return turn_to_another(std::min(admission.retry_after, milliseconds(1'000)));
  }
  if (admission.renew_journal) world_.history.wrongs.push_back(id_.str() + " was told to begin a new journal, and its journal is whole");
  open_ = true;
  engine::SessionOpened opened{{0, link->connection}, id_, life_ * 100 + number_, "{\"id\":\"" + id_.str() + "\"}", {}, "10.0.0.1",
                               admission.key_version};
  opened.running.assign(running_.begin(), running_.end());
  world_.network.send(link, End::kMaster, [this, link, opened] { world_.masters[link->master]->on_opened(link, opened); });
  for (const auto& [jid, entry] : journal_) {
    if (entry.state == State::kDone) send_return(jid, entry);
  }
}

void ModelMinion::on_goodbye(const LinkRef& link) {
  if (link_ != link) return;
  leave_link();
  turn_to_another(milliseconds(100));
}

void ModelMinion::on_closed(const LinkRef& link) {
  if (link_ != link) return;
  link_.reset();
  open_ = false;
  turn_to_another(milliseconds(100));
}

// ---- jobs ------------------------------------------------------------------------------------------------------------------

void ModelMinion::on_job(const LinkRef& link, const store::JobRecord& job, std::uint32_t index) {
  if (link_ != link) return;
  if (index >= job.expected.size() || job.expected[index] != id_)
    world_.history.wrongs.push_back(id_.str() + " got a job for another minion");
  const auto receipt = [&](engine::Receipt state) {
    world_.network.send(link, End::kMaster,
                        [this, link, jid = job.jid, state] { world_.masters[link->master]->on_receipt(link, jid, state); });
  };
  if (running_.contains(job.jid)) return receipt(engine::Receipt::kRunning);
  if (const auto known = journal_.find(job.jid); known != journal_.end()) {
    receipt(engine::Receipt::kDone);
    if (known->second.state == State::kDone) send_return(job.jid, known->second);
    return;
  }
  // In the masters' time: theirs differ by more than the minion's own matters.
  if (world_.time.clock().unix_now() > job.not_after) return send_return(job.jid, {State::kDone, "\"expired\"", store::Outcome::kRefused});
  ++world_.history.executions[{job.jid, id_}];
  running_.insert(job.jid);
  write(job.jid, State::kBegun);
  const milliseconds takes = world_.time.between(milliseconds(0), milliseconds(world_.time.chance(10) ? 4'000 : 400));
  in_this_life(kReceiptAfter, [this, jid = job.jid, link] {
    if (link_ != link || !running_.contains(jid)) return;
    world_.network.send(link, End::kMaster,
                        [this, link, jid] { world_.masters[link->master]->on_receipt(link, jid, engine::Receipt::kRunning); });
  });
  in_this_life(takes, [this, jid = job.jid, life = life_] { finish(jid, life); });
}

void ModelMinion::finish(const JobId& jid, std::uint64_t life) {
  running_.erase(jid);
  Entry& entry = journal_[jid];
  entry.payload = "\"" + id_.str() + " in life " + std::to_string(life) + "\"";
  write(jid, State::kDone);
  send_return(jid, entry);
}

void ModelMinion::write(const JobId& jid, State state) {
  ++sequence_;
  Entry& entry = journal_[jid];
  entry.state = state;
  if (state == State::kDone) world_.history.answers[{jid, id_}] = entry.payload;
  in_this_life(seconds(1), [this, sequence = sequence_] {
    if (sequence == sequence_) send_mark();
  });
}

void ModelMinion::send_mark() {
  if (!open_) return;
  world_.network.send(link_, End::kMaster, [this, link = link_, at = engine::JournalPosition{1000 + number_, sequence_}] {
    world_.masters[link->master]->on_mark(link, at);
  });
}

void ModelMinion::send_return(const JobId& jid, const Entry& entry) {
  if (!open_) return;
  store::ReturnRecord record;
  record.jid = jid;
  record.minion = id_;
  record.outcome = entry.outcome;
  record.success = entry.outcome == store::Outcome::kReturned;
  record.payload = entry.payload;
  world_.network.send(link_, End::kMaster, [this, link = link_, record] { world_.masters[link->master]->on_return(link, record); });
}

void ModelMinion::on_acknowledged(const LinkRef& link, const std::vector<JobId>& jids) {
  if (link_ != link) return;
  for (const JobId& jid : jids) {
    world_.history.acknowledged.insert({jid, id_});
    if (const auto known = journal_.find(jid); known != journal_.end() && known->second.state == State::kDone)
      write(jid, State::kAcknowledged);
  }
}

}  // namespace brine::simulation
