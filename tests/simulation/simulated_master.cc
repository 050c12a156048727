#include "tests/simulation/simulated_master.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tests/simulation/world.h"

namespace brine::simulation {
namespace {

constexpr milliseconds kTryAgain{500};
constexpr std::array kParts{engine::Engine::Part::kEngine, engine::Engine::Part::kLedger, engine::Engine::Part::kMembers,
                            engine::Engine::Part::kFetcher, engine::Engine::Part::kNews};

}  // namespace

SimulatedMaster::SimulatedMaster(World& world, std::size_t number, microseconds clock_ahead)
    : world_(world), number_(number), name_(1, static_cast<char>('a' + number)), clock_(world.time.clock(), clock_ahead) {
  events_.want(world.time.chance(30));
}

// ---- lives -----------------------------------------------------------------------------------------------------------------

void SimulatedMaster::start() {
  wanted_ = true;
  if (alive() || (!doomed_ && try_to_start())) return;
  world_.time.after(kTryAgain, [this] {
    if (wanted_) start();
  });
}

bool SimulatedMaster::try_to_start() {
  ++life_;
  stopping_ = false;
  store_ = std::make_unique<SharedMemoryClient>(
      world_.server, 1 + number_ + 100 * life_,
      [this, life = life_] {
        if (life != life_ || engine_ == nullptr) return Fault::kAway;
        return world_.server_away ? Fault::kAway : fault_;
      },
      [this] { answer_late(); });
  engine::EngineOptions options;
  options.drive = Drive::kByHand;
  options.keys.auto_accept = true;
  options.ledger.reopen_pause = milliseconds(100);
  options.ledger.returners = {"none that takes anything"};
  engine_ = std::make_unique<engine::Engine>(*store_, *this, notary_, events_, clock_, options, [] {});
  engine::PeerOptions peers;
  peers.self.id = name_;
  peers.self.address = name_;
  peers.self.since = clock_.unix_now();
  peers.probe = [this](const std::string& address) {
    return std::any_of(world_.masters.begin(), world_.masters.end(),
                       [&](const auto& master) { return master->name() == address && master->serves(); });
  };
  engine_->share(*store_, std::move(peers),
                 {.masters = [](const auto&) {},
                  .setting = [](const auto&) {},
                  .connected =
                      [this](bool cut_off) {
                        engine_->set_draining(cut_off);
                        if (cut_off) say_goodbye();
                      }});
  if (engine_->start() && engine_->join(name_)) return true;
  kill();
  wanted_ = true;
  return false;
}

void SimulatedMaster::kill() {
  wanted_ = false;
  paused_ = false;
  ++life_;  // its store hears nothing more of it
  links_.clear();
  opened_.clear();
  returns_.clear();
  doomed_ = committing_;
  if (!doomed_) engine_.reset();
  world_.network.vanish(End::kMaster, number_);
}

// What the store has done may be known to all others, and answered by minions, before this ledger hears of it.
void SimulatedMaster::answer_late() {
  if (!committing_ || !world_.time.chance(10)) return;
  world_.meanwhile();
}

void SimulatedMaster::turn_ledger() {
  if (committing_) return;
  committing_ = true;
  engine_->turn(engine::Engine::Part::kLedger);
  committing_ = false;
  if (!std::exchange(doomed_, false)) return;
  engine_.reset();
}

void SimulatedMaster::stop() {
  if (!alive()) return;
  wanted_ = false;
  stopping_ = true;
  engine_->refuse_new_jobs();
  say_goodbye();
  world_.time.after(milliseconds(500), [this, life = life_] { end(life); });
}

void SimulatedMaster::end(std::uint64_t life) {
  if (life != life_ || !alive()) return;
  if (committing_) return world_.time.after(milliseconds(1), [this, life] { end(life); });
  for (int i = 0; i < 3 && alive(); ++i) turn(100);
  if (!alive()) return;
  engine_->stop();
  const bool again = wanted_;
  kill();
  if (again) start();
}

void SimulatedMaster::turn(int percent) {
  auto parts = kParts;
  for (std::size_t i = parts.size() - 1; i > 0; --i) std::swap(parts[i], parts[world_.time.below(i + 1)]);
  for (const auto part : parts) {
    if (!alive() || !world_.time.chance(percent)) continue;
    part == engine::Engine::Part::kLedger ? turn_ledger() : engine_->turn(part);
  }
  if (!alive()) return;
  if (!returns_.empty() && engine_->add_returns(std::move(returns_))) returns_.clear();
}

std::map<std::string, std::string> SimulatedMaster::places() {
  std::map<std::string, std::string> all;
  engine_->ask([&](const engine::Engine::View& view) {
    for (const auto& [id, minion] : view.roster.all()) all[id.str()] = minion.session ? name_ : minion.elsewhere;
  });
  engine_->turn(engine::Engine::Part::kEngine);
  return all;
}

std::vector<std::string> SimulatedMaster::open_jobs() {
  std::vector<std::string> all;
  engine_->ask([&](const engine::Engine::View& view) {
    for (const auto& job : view.board.open_jobs()) all.push_back(job->record->jid.str());
  });
  engine_->turn(engine::Engine::Part::kEngine);
  return all;
}

// ---- minions ---------------------------------------------------------------------------------------------------------------

LinkRef SimulatedMaster::link_of(engine::SessionRef session) const {
  const auto found = links_.find(session.connection);
  return found == links_.end() ? nullptr : found->second;
}

template <typename Message>
void SimulatedMaster::say(const LinkRef& link, Message message) {
  world_.network.send(link, End::kMinion, [this, link, message = std::move(message)] { message(*world_.minions[link->minion], link); });
}

void SimulatedMaster::on_connect(const LinkRef& link, const engine::AdmissionRequest& request) {
  if (!alive() || stopping_) return say(link, [](ModelMinion& minion, const LinkRef& over) { minion.on_refused(over); });
  links_[link->connection] = link;
  engine_->admit(request, [this, link](const engine::Admission& admission) {
    say(link, [admission](ModelMinion& minion, const LinkRef& over) { minion.on_admission(over, admission); });
  });
}

void SimulatedMaster::on_opened(const LinkRef& link, const engine::SessionOpened& opened) {
  if (!alive()) return;
  opened_.insert(link->connection);
  engine_->session_opened(opened);
}

void SimulatedMaster::on_return(const LinkRef& link, store::ReturnRecord record) {
  if (!alive()) return;
  record.received = clock_.unix_now();
  returns_.push_back({{0, link->connection}, std::move(record)});
}

void SimulatedMaster::on_receipt(const LinkRef& link, const JobId& jid, engine::Receipt receipt) {
  if (alive()) engine_->receipt({0, link->connection}, jid, receipt);
}

void SimulatedMaster::on_mark(const LinkRef& link, engine::JournalPosition position) {
  if (alive()) engine_->journal_at({0, link->connection}, position);
}

void SimulatedMaster::on_closed(const LinkRef& link) {
  if (links_.erase(link->connection) == 0 || !alive()) return;
  if (opened_.erase(link->connection) > 0) engine_->session_closed({0, link->connection}, engine::EndReason::kLost);
}

void SimulatedMaster::deliver(std::shared_ptr<const store::JobRecord> job, std::vector<Recipient> recipients) {
  for (const Recipient& to : recipients) {
    if (const LinkRef link = link_of(to.session))
      say(link, [job, index = to.index](ModelMinion& minion, const LinkRef& over) { minion.on_job(over, *job, index); });
  }
}

void SimulatedMaster::acknowledge(std::vector<engine::Gateway::Acknowledgement> list) {
  for (const Acknowledgement& value : list) {
    if (const LinkRef link = link_of(value.session))
      say(link, [jids = value.jids](ModelMinion& minion, const LinkRef& over) { minion.on_acknowledged(over, jids); });
  }
}

void SimulatedMaster::end_session(engine::SessionRef session, engine::GoodbyeReason, std::string) {
  const LinkRef link = link_of(session);
  if (link == nullptr) return;
  say(link, [](ModelMinion& minion, const LinkRef& over) { minion.on_goodbye(over); });
  world_.network.close(link, End::kMaster);
  on_closed(link);
}

void SimulatedMaster::say_goodbye() {
  for (const auto& [connection, link] : links_) say(link, [](ModelMinion& minion, const LinkRef& over) { minion.on_goodbye(over); });
}

}  // namespace brine::simulation
