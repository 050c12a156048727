#include "engine/cluster.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/log.h"

namespace brine::engine {
namespace {

constexpr std::uint32_t kIndexesAtOnce = 16'384;
constexpr std::uint32_t kFewIndexes = 4'096;
constexpr std::size_t kKeysAtOnce = 1'000;
constexpr seconds kEarlyLife{10};
constexpr std::size_t kMaxEarly = 10'000;
constexpr seconds kCatchUpEvery{1};

}  // namespace

Cluster::Cluster(ClusterParts parts, PeerOptions options, Listener listener)
    : parts_(std::move(parts)),
      listener_(std::move(listener)),
      peers_(
          parts_.store, parts_.clock, std::move(options),
          {.news = [this](store::News news) { parts_.post([this, news = std::move(news)]() mutable { on_news(std::move(news)); }); },
           .placed =
               [this](std::vector<store::Presence> minions) { parts_.post([this, minions = std::move(minions)] { on_placed(minions); }); },
           .masters =
               [this](std::vector<store::MasterCard> masters) {
                 parts_.post([this, masters = std::move(masters)]() mutable { on_masters(std::move(masters)); });
               },
           .regained =
               [this] {
                 parts_.post([this] {
                   listener_.connected(false);
                   announce_all();
                   read_everything();
                 });
               },
           .cut_off = [this] { parts_.post([this] { listener_.connected(true); }); }}) {}

Status Cluster::open() {
  BRINE_TRY(peers_.open());
  BRINE_LET(const std::uint32_t first, parts_.store.reserve_indexes(kIndexesAtOnce));
  parts_.keys.reserve(first, kIndexesAtOnce);
  return {};
}

Status Cluster::load() {
  BRINE_LET(const std::vector<store::Presence> all, parts_.store.presence());
  for (const store::Presence& presence : all) {
    disown(presence);
    Minion* minion = parts_.roster.find(presence.id);
    if (minion == nullptr) continue;
    minion->generation = presence.generation;
    // Whether that master lives is known when the masters are: until then it is believed.
    if (presence.state == store::Presence::State::kHere && presence.master != peers_.self()) minion->elsewhere = presence.master;
    if (presence.state != store::Presence::State::kHere) date_absence(presence, *minion);
  }
  return {};
}

// read runs on the peers' thread and gives a Result, take gets its value on the engine's.
template <typename Read, typename Take>
void Cluster::fetch(Read read, Take take) {
  peers_.fetch([this, read = std::move(read), take = std::move(take)] {
    auto result = read();
    parts_.post([this, result = std::move(result), take] {
      if (result) return take(*result);
      log::debug("cannot read what another master has changed: {}", result.error().message);
      behind_ = true;
    });
  });
}

// ---- presence --------------------------------------------------------------------------------------------------------------

void Cluster::learn_journal(const MinionId& id, std::function<void()> done) {
  const Minion* known = parts_.roster.find(id);
  if (known == nullptr || known->journal_known) return done();
  peers_.fetch([this, id, done = std::move(done)] {
    auto marks = parts_.store.journals_of({id});
    parts_.post([this, id, marks = std::move(marks), done] {
      Minion* minion = parts_.roster.find(id);
      if (minion != nullptr && marks && !marks->empty()) minion->journal = {marks->front().epoch, marks->front().sequence};
      done();
    });
  });
}

// It was away before this master was started.
void Cluster::date_absence(const store::Presence& presence, Minion& minion) {
  const microseconds away(std::max<std::int64_t>(0, parts_.clock.unix_now() - presence.since));
  minion.gone_since = std::min(minion.gone_since, parts_.clock.now() - away);
}

void Cluster::learn_presence(const MinionId& id) {
  fetch([this, id] { return parts_.store.presence_of({id}); },
        [this](const std::vector<store::Presence>& all) {
          for (const store::Presence& presence : all) {
            place(presence);
            Minion* minion = parts_.roster.find(presence.id);
            if (minion != nullptr && !minion->connected()) minion->generation = std::max(minion->generation, presence.generation);
          }
        });
}

bool Cluster::is_first() const { return peers_.leads() && !masters_.empty() && masters_.front().id == peers_.self(); }

void Cluster::session_opened(const MinionId& id, Minion& minion) {
  minion.arriving = true;
  minion.journal_known = true;
  store::Presence presence;
  presence.id = id;
  presence.master = peers_.self();
  presence.instance = minion.instance;
  presence.since = minion.since;
  presence.address = minion.address;
  peers_.arrived(std::move(presence));
}

void Cluster::session_closed(const MinionId& id, const Minion& minion, EndReason reason) {
  store::Presence presence;
  presence.id = id;
  presence.master = peers_.self();
  presence.state = reason == EndReason::kLeft ? store::Presence::State::kLeft : store::Presence::State::kLost;
  presence.instance = minion.instance;
  presence.since = parts_.clock.unix_now();
  presence.address = minion.address;
  peers_.went(std::move(presence));
}

void Cluster::announce_all() {
  for (auto& [id, minion] : parts_.roster.all()) {
    if (minion.session) session_opened(id, minion);
  }
}

// Our own arrivals have got their generations: a minion that has come to another master since is not ours any more.
void Cluster::on_placed(const std::vector<store::Presence>& minions) {
  for (const store::Presence& presence : minions) {
    Minion* minion = parts_.roster.find(presence.id);
    if (minion == nullptr || minion->instance != presence.instance) continue;
    minion->arriving = false;
    if (presence.generation >= minion->generation) {
      minion->generation = presence.generation;
      minion->elsewhere.clear();
    } else if (!minion->elsewhere.empty() && minion->session) {
      displace(*minion);
    }
  }
}

void Cluster::displace(const Minion& minion) {
  parts_.gateway.end_session(*minion.session, GoodbyeReason::kDisplaced, "the same minion connected to another master");
}

void Cluster::place(const store::Presence& presence) {
  Minion* minion = parts_.roster.find(presence.id);
  if (minion == nullptr || presence.master == peers_.self() || presence.generation < minion->generation) return;
  const bool newer = presence.generation > minion->generation;
  minion->generation = presence.generation;
  if (presence.state != store::Presence::State::kHere) {
    // It has been with another master since it came here: if this session is alive all the same, it comes again.
    if (newer && minion->session && !minion->arriving) displace(*minion);
    if (minion->elsewhere.empty()) return;
    parts_.roster.lost_elsewhere(*minion, presence.state == store::Presence::State::kLeft);
    if (!minion->session) listener_.went(presence.id);
    return;
  }
  const bool was_connected = minion->connected();
  minion->elsewhere = presence.master;
  minion->seen = true;
  minion->master_went = false;
  minion->journal_known = false;
  if (minion->session && !minion->arriving) displace(*minion);
  if (!minion->session) minion->left = false;
  parts_.board.session_opened_elsewhere(presence.id, *minion);
  if (!was_connected) listener_.came(presence.id);
}

// What the store takes to be here and is not: it went before this master was started, or while the store could not be told.
void Cluster::disown(const store::Presence& presence) {
  if (presence.master != peers_.self() || presence.state != store::Presence::State::kHere) return;
  if (const Minion* minion = parts_.roster.find(presence.id); minion != nullptr && minion->session) return;
  store::Presence gone = presence;
  gone.state = store::Presence::State::kLost;
  gone.since = parts_.clock.unix_now();
  peers_.went(std::move(gone));
}

bool Cluster::is_live(const std::string& master) const {
  return std::any_of(masters_.begin(), masters_.end(), [&](const store::MasterCard& card) { return card.id == master; });
}

// Minions of a master that is no more are away from now on.
void Cluster::on_masters(std::vector<store::MasterCard> masters) {
  std::set<std::string> before;
  for (const store::MasterCard& card : masters_) before.insert(card.id);
  masters_ = std::move(masters);
  bool came = false;
  for (const store::MasterCard& card : masters_) came |= !before.contains(card.id);
  for (auto& [id, minion] : parts_.roster.all()) {
    if (minion.elsewhere.empty() || is_live(minion.elsewhere)) continue;
    parts_.roster.lost_elsewhere(minion, false);
    minion.master_went = !minion.session;
    if (!minion.session) listener_.went(id);
  }
  // One that was away for a while may have kept its minions.
  if (came)
    fetch([this] { return parts_.store.presence(); },
          [this](const std::vector<store::Presence>& all) {
            for (const store::Presence& presence : all) {
              if (presence.state == store::Presence::State::kHere && is_live(presence.master)) place(presence);
            }
          });
  listener_.masters(masters_);
}

// ---- news ------------------------------------------------------------------------------------------------------------------

void Cluster::on_news(store::News news) {
  if (news.missed) begin_anew();
  if (news.feed) parts_.ledger.look_at_feed();
  if (news.tokens) refresh_tokens();
  if (!news.keys.empty()) refresh_keys(std::move(news.keys));
  if (!news.minions.empty()) refresh_grains(std::move(news.minions));
  if (!news.mine.empty()) refresh_mine(std::move(news.mine));
  if (!news.presence.empty()) refresh_presence(std::move(news.presence));
  for (const auto& [jid, places] : news.running) {
    if (parts_.board.find(jid) != nullptr) {
      for (const std::uint32_t at : places) parts_.board.receipt(jid, at, Receipt::kRunning);
    } else if (early_.size() < kMaxEarly) {
      Early& early = early_[jid];
      early.until = parts_.clock.now() + kEarlyLife;
      early.running.insert(early.running.end(), places.begin(), places.end());
    }
  }
  for (const auto& [jid, places] : news.returned) on_returned(jid, places);
  for (const std::string& name : news.settings) listener_.setting(name);
}

void Cluster::refresh_keys(std::vector<MinionId> ids) {
  fetch([this, ids] { return parts_.store.keys_of(ids); },
        [this, ids](const std::vector<store::KeyRecord>& records) { parts_.keys.refresh(ids, records); });
}

void Cluster::refresh_tokens() {
  fetch([this] { return parts_.store.tokens(); }, [this](const std::vector<store::TokenRecord>& records) { parts_.tokens.load(records); });
}

void Cluster::refresh_grains(std::vector<MinionId> ids) {
  fetch([this, ids] { return parts_.store.grains_of(ids); },
        [this](const std::vector<store::GrainsRecord>& records) { take_grains(records); });
}

void Cluster::take_grains(const std::vector<store::GrainsRecord>& records) {
  for (const store::GrainsRecord& record : records) {
    Minion* minion = parts_.roster.find(record.id);
    const std::size_t hash = std::hash<std::string>{}(record.json);
    if (minion == nullptr || minion->grains_hash == hash) continue;
    minion->grains_hash = hash;
    parts_.index.set(record.id, record.json);
  }
}

// Whoever holds the session of a minion hears of its entries first.
void Cluster::refresh_mine(std::vector<MinionId> ids) {
  fetch([this, ids] { return parts_.store.mine_of(ids); },
        [this, ids](const std::vector<store::MineRecord>& records) { parts_.mine.take(ids, records, owner_judge()); });
}

void Cluster::take_mine(const std::vector<store::MineRecord>& records) { parts_.mine.take_all(records, owner_judge()); }

MineBook::JudgeOwner Cluster::owner_judge() const {
  return [this](const MinionId& id) {
    const Minion* minion = parts_.roster.find(id);
    if (minion == nullptr) return MineBook::Owner::kUnknown;
    return minion->session ? MineBook::Owner::kHere : MineBook::Owner::kElsewhere;
  };
}

void Cluster::refresh_presence(std::vector<MinionId> ids) {
  fetch([this, ids] { return parts_.store.presence_of(ids); },
        [this](const std::vector<store::Presence>& all) {
          for (const store::Presence& presence : all) place(presence);
        });
}

// What the store knows of arrivals may be less than what is known here, and generations may be given again.
void Cluster::begin_anew() {
  if (restoring_) return;
  for (auto& [id, minion] : parts_.roster.all()) minion.generation = 0;
  announce_all();
  read_everything();
}

// Some news were missed, or could not be read.
void Cluster::read_everything() {
  behind_ = restoring_;
  if (restoring_) return;
  ++reading_;
  log::info("reading again what the other masters may have changed");
  fetch([this] { return parts_.store.keys(); }, [this](const std::vector<store::KeyRecord>& records) { parts_.keys.refresh_all(records); });
  refresh_tokens();
  fetch([this] { return parts_.store.grains(); }, [this](const std::vector<store::GrainsRecord>& records) { take_grains(records); });
  fetch([this] { return parts_.store.mine(); }, [this](const std::vector<store::MineRecord>& records) { take_mine(records); });
  fetch([this] { return parts_.store.presence(); },
        [this](const std::vector<store::Presence>& all) {
          for (const store::Presence& presence : all) {
            place(presence);
            disown(presence);
          }
        });
  for (const auto& job : parts_.board.open_jobs()) refresh_job(job->record->jid);
  for (const JobId& jid : unread_) read_job(jid);
  parts_.ledger.look_at_feed();
}

// ---- an exchanged store ----------------------------------------------------------------------------------------------------

void Cluster::restore(std::function<void(Status)> done) {
  if (std::exchange(restoring_, true)) return done(fail(Code::kBusy, "it is being restored already"));
  const std::uint64_t before = parts_.store.epoch();
  parts_.ledger.adopt([this, before, done = std::move(done)](const Status& adopted) {
    parts_.post([this, before, adopted, done] {
      if (!adopted) {
        restoring_ = false;
        return done(adopted);
      }
      restore_keys(parts_.keys.records(), before, done);
    });
  });
}

void Cluster::restore_keys(std::vector<store::KeyRecord> keys, std::uint64_t before, std::function<void(Status)> done) {
  if (keys.empty()) return end_restoring(before, std::move(done));
  const std::size_t size = std::min(keys.size(), kKeysAtOnce);
  Ledger::KeyChange change;
  change.records.assign(keys.end() - static_cast<std::ptrdiff_t>(size), keys.end());
  keys.resize(keys.size() - size);
  change.done = [this, keys = std::move(keys), before, done](const Status& status) {
    parts_.post([this, keys, before, done, status] {
      // A key that the store holds in a newer version is no failure.
      if (status || status.error().code == Code::kBusy) return restore_keys(keys, before, done);
      restoring_ = false;
      done(status);
    });
  };
  if (parts_.ledger.change_keys(std::move(change))) return;
  restoring_ = false;
  done(fail(Code::kBusy, "the ledger's queue is full; try again"));
}

void Cluster::end_restoring(std::uint64_t before, std::function<void(Status)> done) {
  const std::uint32_t given = parts_.keys.highest_index();
  peers_.fetch([this, before, given, done = std::move(done)] {
    const auto first = parts_.store.reserve_indexes(given + kIndexesAtOnce);
    const Status marked = parts_.store.succeed(before);
    parts_.post([this, first, given, marked, done] {
      restoring_ = false;
      if (first) parts_.keys.reserve(*first + given, kIndexesAtOnce);
      for (auto& [id, minion] : parts_.roster.all()) minion.grains_hash.reset();
      begin_anew();
      done(marked);
    });
  });
}

// ---- jobs ------------------------------------------------------------------------------------------------------------------

void Cluster::receipt(const MinionId& id, const JobId& jid) {
  const OpenJob* job = parts_.board.find(jid);
  if (job == nullptr) return;
  const std::size_t place = job->place_of(id);
  if (place < job->parts.size()) peers_.running(jid, static_cast<std::uint32_t>(place));
}

void Cluster::returned(const JobId& jid, const MinionId& id) {
  const OpenJob* job = parts_.board.find(jid);
  if (job != nullptr) on_returned(jid, {static_cast<std::uint32_t>(job->place_of(id))});
}

void Cluster::refresh_job(const JobId& jid) {
  fetch([this, jid] { return parts_.store.returned_minions(jid); },
        [this, jid](const std::vector<MinionId>& minions) {
          const OpenJob* job = parts_.board.find(jid);
          if (job == nullptr) return;
          std::vector<std::uint32_t> places;
          for (const MinionId& id : minions) places.push_back(static_cast<std::uint32_t>(job->place_of(id)));
          on_returned(jid, places);
        });
}

// What it was is read only when somebody here waits for it or listens.
void Cluster::on_returned(const JobId& jid, const std::vector<std::uint32_t>& places) {
  const OpenJob* job = parts_.board.find(jid);
  if (job == nullptr) {
    if (early_.size() >= kMaxEarly) return;
    Early& early = early_[jid];
    early.until = parts_.clock.now() + kEarlyLife;
    early.returned.insert(early.returned.end(), places.begin(), places.end());
    return;
  }
  std::vector<std::uint32_t> unknown;
  for (const std::uint32_t place : places) {
    if (place < job->parts.size() && job->parts[place] != OpenJob::Part::kReturned) unknown.push_back(place);
  }
  if (unknown.empty()) return;
  if (job->watches.empty() && !parts_.events.wanted()) {
    for (const std::uint32_t place : unknown) parts_.board.returned(jid, place);
    return;
  }
  fetch([this, record = job->record, unknown] { return parts_.store.returns_at(record->jid, record->expected, unknown); },
        [this](const std::vector<store::ReturnRecord>& returns) {
          for (const store::ReturnRecord& value : returns) listener_.returned(value);
        });
}

void Cluster::opened(const JobId& jid, std::uint64_t reading) {
  if (reading != reading_) refresh_job(jid);
  const auto found = early_.find(jid);
  if (found == early_.end()) return;
  const Early early = std::move(found->second);
  early_.erase(found);
  for (const std::uint32_t place : early.running) parts_.board.receipt(jid, place, Receipt::kRunning);
  on_returned(jid, early.returned);
}

void Cluster::fed(const std::vector<store::FeedEntry>& entries) {
  for (const store::FeedEntry& entry : entries) {
    if (parts_.board.find(entry.jid) == nullptr && unread_.insert(entry.jid).second) read_job(entry.jid);
  }
}

void Cluster::read_job(const JobId& jid) {
  using Read = std::pair<std::shared_ptr<const store::JobRecord>, std::vector<MinionId>>;
  fetch(
      [this, jid]() -> Result<Read> {
        BRINE_LET(auto record, parts_.store.job(jid));
        if (!record || record->signed_job.empty()) return Read();
        BRINE_LET(std::vector<MinionId> returned, parts_.store.returned_minions(jid));
        return Read{std::make_shared<const store::JobRecord>(std::move(*record)), std::move(returned)};
      },
      [this, jid, reading = reading_](const Read& read) {
        const auto& [record, returned] = read;
        if (unread_.erase(jid) == 0 || !record) return;
        listener_.published(*record);
        if (returned.size() == record->expected.size()) return;
        parts_.board.open(record, returned);
        opened(jid, reading);
      });
}

// ---- time ------------------------------------------------------------------------------------------------------------------

void Cluster::tick() {
  const MonoTime now = parts_.clock.now();
  std::erase_if(early_, [now](const auto& entry) { return entry.second.until < now; });
  if (now < next_catch_up_) return;
  next_catch_up_ = now + kCatchUpEvery;
  // What failed here may have been done all the same, and is told to the others only.
  const std::uint64_t failures = parts_.ledger.counters().store_failures;
  if (std::exchange(failures_seen_, failures) != failures) behind_ = true;
  peers_.set_minions(static_cast<std::uint32_t>(parts_.roster.connected()));
  if (behind_ && parts_.ledger.available()) read_everything();
  reserve_indexes();
  if (!told_mine_.empty() && parts_.ledger.available()) {
    const std::set<MinionId> ids = std::exchange(told_mine_, {});
    refresh_mine({ids.begin(), ids.end()});
  }
}

void Cluster::reserve_indexes() {
  if (reserving_ || parts_.keys.reserved() >= kFewIndexes) return;
  reserving_ = true;
  peers_.fetch([this] {
    const auto first = parts_.store.reserve_indexes(kIndexesAtOnce);
    parts_.post([this, first] {
      reserving_ = false;
      if (first) parts_.keys.reserve(*first, kIndexesAtOnce);
    });
  });
}

}  // namespace brine::engine
