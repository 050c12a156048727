#include "engine/peers.h"

#include <algorithm>
#include <condition_variable>
#include <set>

#include "base/log.h"
#include "base/thread.h"

namespace brine::engine {
namespace {

constexpr milliseconds kTick{20};
constexpr milliseconds kNewsWait{250};
constexpr milliseconds kPauseAfterFailure{250};
constexpr seconds kLookForOthersEvery{1};

}  // namespace

Peers::Peers(store::SharedStore& store, const Clock& clock, PeerOptions options, Listener listener)
    : store_(store), clock_(clock), options_(std::move(options)), listener_(std::move(listener)) {}

Peers::~Peers() { stop(); }

// Jobs expire by the clocks of masters: they have to agree about it.
Status Peers::judge_clock() const {
  BRINE_LET(const UnixMicros theirs, store_.time());
  const std::int64_t apart = clock_.unix_now() - theirs;
  if (std::abs(apart) <= options_.clock_tolerance.count() * 1000) return {};
  return fail(Code::kUnsupported, fmt::format("the clock of this machine is {} s {} that of the store: set it (NTP), then start again",
                                              std::abs(apart) / 1'000'000, apart > 0 ? "ahead of" : "behind"));
}

Status Peers::open() {
  BRINE_TRY(judge_clock());
  BRINE_LET(membership_, store_.membership());
  BRINE_LET(news_, store_.news());
  return {};
}

Status Peers::join(std::string address) {
  address_ = std::move(address);
  const MonoTime patience = clock_.now() + 2 * options_.lease;
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable pause;
  while (true) {
    auto renewed = renew_once();
    if (renewed) break;
    // What this master was before it was killed may still hold the lease for a moment.
    if (renewed.error().code != Code::kExists || clock_.now() > patience || options_.drive == Drive::kByHand) return renewed;
    pause.wait_for(lock, kPauseAfterFailure);
  }
  led_ = joined_ = true;
  look_at_masters();
  if (options_.drive == Drive::kByHand) {
    fetcher_.start_by_hand(seconds(1), [] {}, clock_);
    members_.start_by_hand(kTick, [this] { tick(); }, clock_);
    return {};
  }
  fetcher_.start(seconds(1), [] {});
  members_.start(kTick, [this] { tick(); });
  news_thread_ = start_thread("news", [this](const std::stop_token& stop) { read_news(stop); });
  return {};
}

void Peers::stop() {
  news_thread_.request_stop();
  if (news_thread_.joinable()) news_thread_.join();
  members_.stop();
  fetcher_.stop();
  if (!std::exchange(joined_, false)) return;
  led_until_ = 0;
  tell();
  if (auto left = membership_->leave(); !left) log::info("could not tell the other masters that this one leaves: {}", left.error().message);
}

std::vector<store::MasterCard> Peers::masters() const {
  const std::scoped_lock guard(mutex_);
  return masters_;
}

// ---- the lease -------------------------------------------------------------------------------------------------------------

Status Peers::renew_once() {
  store::MasterCard card = options_.self;
  card.address = address_;
  card.minions = minions_;
  card.draining = draining_;
  const MonoTime asked = clock_.now();
  auto renewed = membership_->renew(card, options_.lease);
  if (renewed) led_until_ = (asked + options_.lease).time_since_epoch().count();
  if (!renewed && renewed.error().code != Code::kUnavailable) led_until_ = 0;
  return renewed;
}

void Peers::tick() {
  if (clock_.now() >= next_renewal_) renew();
  if (!leads()) look_for_others();
  tell();
}

void Peers::renew() {
  auto renewed = renew_once();
  next_renewal_ = clock_.now() + (renewed ? options_.renew_every : kPauseAfterFailure);
  const bool leads_now = leads();
  if (!renewed && !std::exchange(trouble_told_, true)) log::error("this master's lease is not prolonged: {}", renewed.error().message);
  if (renewed && std::exchange(trouble_told_, false)) log::warning("this master's lease is prolonged again");
  if (led_ && !leads_now) log::error("this master has lost its lease: it takes no jobs until it has it again");
  if (renewed && (!led_ || std::exchange(denied_, false))) {
    generations_.clear();
    cut_off_ = false;
    listener_.regained();
  }
  led_ = leads_now;
  if (renewed) look_at_masters();
}

// A store that is away for all is waited for; one that is away for this master alone is not.
void Peers::look_for_others() {
  if (cut_off_ || !options_.probe || clock_.now() < next_look_for_others_) return;
  next_look_for_others_ = clock_.now() + kLookForOthersEvery;
  for (const store::MasterCard& card : masters()) {
    if (card.id == self() || card.draining || !options_.probe(card.address)) continue;
    log::error("this master is cut off from the store, and {} is not: the minions are sent there", card.id);
    cut_off_ = true;
    listener_.cut_off();
    return;
  }
}

void Peers::look_at_masters() {
  auto live = membership_->masters();
  if (!live) return;
  std::sort(live->begin(), live->end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  {
    const std::scoped_lock guard(mutex_);
    if (masters_ == *live) return;
    masters_ = *live;
  }
  listener_.masters(std::move(*live));
}

// ---- what the others are told ----------------------------------------------------------------------------------------------

void Peers::note(Note note) {
  const std::scoped_lock guard(mutex_);
  notes_.push_back(std::move(note));
}

void Peers::arrived(store::Presence minion) { note({Note::Kind::kArrived, std::move(minion), {}, 0}); }
void Peers::went(store::Presence minion) { note({Note::Kind::kWent, std::move(minion), {}, 0}); }
void Peers::running(JobId jid, std::uint32_t place) { note({Note::Kind::kRunning, {}, std::move(jid), place}); }

// Who came and went before it could be told has perhaps come to another master since: that must not be overwritten. That it went names the
// arrival that was told last.
void Peers::leave_out_visits(std::vector<Note>& notes) {
  std::set<MinionId> left;  // later
  std::vector<Note> kept;
  for (auto note = notes.rbegin(); note != notes.rend(); ++note) {
    if (note->kind == Note::Kind::kWent && note->minion.generation == 0) left.insert(note->minion.id);
    if (note->kind != Note::Kind::kArrived || left.erase(note->minion.id) == 0) kept.push_back(std::move(*note));
  }
  std::reverse(kept.begin(), kept.end());
  notes = std::move(kept);
}

// In the order in which they were noted; what follows one another of one kind goes together. Without a lease nothing is told: who is here
// is told again when it is regained.
void Peers::tell() {
  std::vector<Note> notes;
  {
    const std::scoped_lock guard(mutex_);
    notes.swap(notes_);
  }
  leave_out_visits(notes);
  std::size_t told = 0;
  while (told < notes.size()) {
    const auto kind = notes[told].kind;
    std::size_t end = told;
    std::vector<store::Presence> minions;
    std::map<JobId, std::vector<std::uint32_t>> running;
    for (; end < notes.size() && notes[end].kind == kind; ++end) {
      if (kind == Note::Kind::kRunning) {
        running[notes[end].jid].push_back(notes[end].place);
      } else {
        minions.push_back(notes[end].minion);
      }
    }
    const Status status = kind == Note::Kind::kArrived ? tell_arrived(std::move(minions))
                          : kind == Note::Kind::kWent  ? tell_went(std::move(minions))
                                                       : membership_->running(running);
    if (!status && status.error().code != Code::kDenied) break;
    denied_ |= !status;
    told = end;
  }
  if (told == notes.size()) return;
  const std::scoped_lock guard(mutex_);
  notes_.insert(notes_.begin(), std::make_move_iterator(notes.begin() + static_cast<std::ptrdiff_t>(told)),
                std::make_move_iterator(notes.end()));
}

Status Peers::tell_arrived(std::vector<store::Presence> minions) {
  BRINE_TRY(membership_->arrived(minions));
  for (const store::Presence& minion : minions) generations_[minion.id] = minion.generation;
  listener_.placed(std::move(minions));
  return {};
}

Status Peers::tell_went(std::vector<store::Presence> minions) {
  for (store::Presence& minion : minions) {
    if (const auto known = generations_.find(minion.id); minion.generation == 0 && known != generations_.end())
      minion.generation = known->second;
  }
  BRINE_TRY(membership_->went(minions));
  return {};
}

// ---- news ------------------------------------------------------------------------------------------------------------------

void Peers::read_news(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any pause;
  while (!stop.stop_requested()) {
    if (turn_news(kNewsWait)) continue;
    std::unique_lock lock(mutex);
    pause.wait_for(lock, stop, kPauseAfterFailure, [] { return false; });
  }
}

bool Peers::turn_news(milliseconds wait) {
  auto news = news_->wait(wait);
  if (!news) {
    log::debug("no news of the other masters: {}", news.error().message);
    return false;
  }
  if (news->masters || news->missed) members_.post([this] { look_at_masters(); });
  if (!news->empty()) listener_.news(std::move(*news));
  return true;
}

}  // namespace brine::engine
