#include "engine/engine.h"

#include <algorithm>

#include "base/log.h"
#include "engine/event_text.h"

namespace brine::engine {
namespace {

constexpr milliseconds kTick{100};
constexpr seconds kSlowTick{1};
constexpr std::size_t kGrainsPerTurn = 16;  // about 2 ms

std::vector<std::string> texts(const std::vector<MinionId>& ids) {
  std::vector<std::string> list;
  list.reserve(ids.size());
  for (const MinionId& id : ids) list.push_back(id.str());
  return list;
}

bool went_back(JournalPosition known, JournalPosition shown) {
  return known.epoch != 0 && (shown.epoch != known.epoch || shown.sequence < known.sequence);
}

}  // namespace

Engine::Engine(store::StateStore& store, Gateway& gateway, Notary& notary, EventSink& events, const Clock& clock, EngineOptions options,
               std::function<void()> outbox_grew)
    : store_(store),
      gateway_(gateway),
      notary_(notary),
      events_(events),
      clock_(clock),
      options_(std::move(options)),
      loop_("engine", options_.queue),
      ledger_(store, clock, options_.ledger,
              {.returned =
                   [this](std::vector<CommittedReturn> returns) {
                     acknowledge(returns);
                     loop_.post([this, returns = std::move(returns)]() mutable { committed(std::move(returns)); });
                   },
               .fed = [this](std::vector<store::FeedEntry> entries) { loop_.post([this, entries = std::move(entries)] { fed(entries); }); },
               .outbox_grew = std::move(outbox_grew),
               .outbox_dropped = [this](std::uint64_t count) { loop_.post([this, count] { event_dropped(count); }); }}),
      tokens_(
          ledger_, notary, clock, options_.keys.cluster,
          [this](const AdmissionRequest& request, std::string_view token, TokenOutcome outcome) { token_shown(request, token, outcome); }),
      keys_(ledger_, notary, clock, options_.keys,
            {.accepted = [this](const MinionId& id) { key_accepted(id); },
             .withdrawn = [this](const MinionId& id, std::string_view why) { key_withdrawn(id, why); },
             .seen = [this](const MinionId& id, std::string_view act, std::string_view address) { key_seen(id, act, address); },
             .overtaken =
                 [this] {
                   if (cluster_) cluster_->read_again();
                 },
             .reaped = [this](const MinionId& id) { key_reaped(id); },
             .kept =
                 [this](const MinionId& id) {
                   if (cluster_) cluster_->learn_presence(id);
                 }}),
      roster_(clock),
      board_(roster_, gateway, clock, options_.board),
      mine_(ledger_, clock,
            [this](const MinionId& id, const std::string& name, mine::Change change, Origin origin) {
              event_mine(id, name, change, origin);
            }),
      gateways_({keys_, roster_, gateway, events, clock}) {
  mine_.set_post([this](std::function<void()> task) { loop_.post(std::move(task)); });
  keys_.set_post([this](std::function<void()> task) { loop_.post(std::move(task)); });
  tokens_.set_post([this](std::function<void()> task) { loop_.post(std::move(task)); });
  keys_.use_tokens(tokens_);
}

Engine::~Engine() { stop(); }

void Engine::share(store::SharedStore& store, PeerOptions options, ClusterHooks hooks) {
  ClusterParts parts{store,   gateway_, events_, clock_, ledger_, keys_,
                     tokens_, roster_,  index_,  board_, mine_,   [this](std::function<void()> task) {
        loop_.post(std::move(task)); }};
  options.drive = options_.drive;
  cluster_ =
      std::make_unique<Cluster>(std::move(parts), std::move(options),
                                Cluster::Listener{.published = [this](const store::JobRecord& job) { event_job(job, Origin::kElsewhere); },
                                                  .returned =
                                                      [this](const store::ReturnRecord& record) {
                                                        if (events_.wants_returns()) event_return(record, Origin::kElsewhere);
                                                        board_.returned(record);
                                                      },
                                                  .came = [this](const MinionId& id) { moves_elsewhere_.came.push_back(id); },
                                                  .went = [this](const MinionId& id) { moves_elsewhere_.went.push_back(id); },
                                                  .masters = std::move(hooks.masters),
                                                  .setting = std::move(hooks.setting),
                                                  .connected = std::move(hooks.connected)});
}

Status Engine::join(std::string address) { return cluster_ ? cluster_->join(std::move(address)) : Status(); }

Status Engine::start() {
  if (cluster_) BRINE_TRY(cluster_->open());
  BRINE_LET(const std::vector<store::KeyRecord> keys, store_.keys());
  BRINE_LET(const auto last_index, store_.setting(std::string(kLastIndexSetting)));
  if (cluster_) keys_.refresh_all(keys);
  if (!cluster_) keys_.load(keys, last_index ? static_cast<std::uint32_t>(std::strtoul(last_index->c_str(), nullptr, 10)) : 0);
  BRINE_LET(const std::vector<store::TokenRecord> tokens, store_.tokens());
  tokens_.load(tokens);
  for (const MinionId& id : keys_.accepted()) {
    if (keys_.find(id)->kind == store::KeyKind::kSyndic) continue;
    roster_.add(id);
    index_.add(id);
  }
  BRINE_LET(std::vector<store::GrainsRecord> grains, store_.grains());
  for (store::GrainsRecord& record : grains) {
    if (Minion* minion = roster_.find(record.id)) minion->grains_hash = std::hash<std::string>{}(record.json);
    index_.set_later(record.id, std::move(record.json));
  }
  BRINE_LET(const std::vector<store::MineRecord> mine, store_.mine());
  mine_.load(mine, [this](const MinionId& id) { return roster_.find(id) != nullptr; }, !cluster_);
  BRINE_LET(const std::vector<store::JournalMark> journals, store_.journals());
  for (const store::JournalMark& mark : journals) {
    if (Minion* minion = roster_.find(mark.id)) minion->journal = {mark.epoch, mark.sequence};
  }
  BRINE_LET(const JobId last, store_.last_jid());
  last_jid_ = last.empty() ? 0 : unix_us_of(last);
  BRINE_LET(const store::FeedPosition feed_end, store_.feed_end());
  if (cluster_) BRINE_TRY(cluster_->load());
  BRINE_TRY(load_open_jobs());
  if (options_.drive == Drive::kByHand) loop_.start_by_hand(kTick, [this] { tick(); }, clock_);
  if (options_.drive == Drive::kThreads) loop_.start(kTick, [this] { tick(); });
  settled_at_ = clock_.now() + options_.board.reconnect_grace;
  ledger_.start(feed_end, options_.drive);
  loop_.post([this] { learn_grains(); });
  return {};
}

// Some at a time, behind what waits already.
void Engine::learn_grains() {
  if (index_.learn(kGrainsPerTurn)) loop_.post([this] { learn_grains(); });
}

Status Engine::load_open_jobs() {
  BRINE_LET(const std::vector<JobId> open, store_.open_jobs(clock_.unix_now()));
  for (const JobId& jid : open) {
    BRINE_LET(auto record, store_.job(jid));
    if (!record) continue;
    BRINE_LET(const std::vector<MinionId> returned, store_.returned_minions(jid));
    open_known(std::move(*record), returned);
  }
  if (board_.size() > 0) log::info("{} jobs are still open from before", board_.size());
  return {};
}

void Engine::refuse_new_jobs() {
  loop_.post([this] { refusing_ = true; });
}

void Engine::turn(Part part) {
  switch (part) {
    case Part::kEngine: return loop_.turn();
    case Part::kLedger: return void(ledger_.turn(milliseconds(0)));
    case Part::kMembers: return cluster_->peers().turn_members();
    case Part::kFetcher: return cluster_->peers().turn_fetcher();
    case Part::kNews: return void(cluster_->peers().turn_news(milliseconds(0)));
  }
}

void Engine::stop() {
  ledger_.stop();
  if (cluster_) cluster_->stop();
  loop_.stop();
}

// ---- minions ---------------------------------------------------------------------------------------------------------------

void Engine::admit(AdmissionRequest request, std::function<void(Admission)> done) {
  auto shared = std::make_shared<std::function<void(Admission)>>(std::move(done));
  const bool taken = loop_.try_post([this, request = std::move(request), shared] { on_admit(request, *shared); });
  if (taken) return;
  counters_.overflowed_admissions.fetch_add(1, std::memory_order_relaxed);
  (*shared)({Verdict::kBusy, milliseconds(1'000), "the master is busy", 0});
}

void Engine::on_admit(const AdmissionRequest& request, const std::function<void(Admission)>& done) {
  if (draining_) return done({Verdict::kBusy, milliseconds(1'000), "this master takes no minions now", 0});
  keys_.admit(request, [this, done, id = request.id, journal = request.journal](Admission admission) {
    if (admission.verdict != Verdict::kAccepted || !cluster_) return done(judge_journal(id, journal, std::move(admission)));
    cluster_->learn_journal(id, [this, done, id, journal, admission = std::move(admission)]() mutable {
      done(judge_journal(id, journal, std::move(admission)));
    });
  });
}

Admission Engine::judge_journal(const MinionId& id, JournalPosition journal, Admission admission) const {
  const Minion* minion = roster_.find(id);
  if (minion != nullptr && journal.epoch != 0 && went_back(minion->journal, journal)) {
    log::warning("{} comes with an older or another journal than it had (restored from a snapshot?): it is told to begin a new one",
                 id.str());
    admission.renew_journal = true;
  }
  return admission;
}

void Engine::session_opened(SessionOpened opened) {
  const SessionRef session = opened.session;
  if (!loop_.try_post([this, opened = std::move(opened)]() mutable { on_session_opened(std::move(opened)); })) turn_away(session);
}

void Engine::turn_away(SessionRef session) {
  counters_.overflowed_sessions.fetch_add(1, std::memory_order_relaxed);
  gateway_.end_session(session, GoodbyeReason::kStopping, "the master is busy; come back later");
}

void Engine::on_session_opened(SessionOpened opened) {
  Minion* minion = roster_.find(opened.id);
  // Between the welcome and this the key may have been withdrawn, or another one accepted in its place.
  const store::KeyRecord* key = keys_.find(opened.id);
  if (minion == nullptr || key == nullptr || key->state != store::KeyState::kAccepted || key->version != opened.key_version) {
    gateway_.end_session(opened.session, GoodbyeReason::kKeyChanged, "the key is not accepted, or has changed");
    return;
  }
  if (!opened.chain.empty() && !gateways_.admits(opened, *minion)) return;
  const Roster::Opened result = roster_.open(*minion, opened);
  if (result.displaced) gateway_.end_session(*result.displaced, GoodbyeReason::kDisplaced, "the same minion connected again");
  if (result.duplicate) {
    log::warning("two minions hold the key of {}: they take the session from each other, the last one from {}", opened.id.str(),
                 opened.address);
    if (events_.wanted())
      events_.publish("brine/minion/" + opened.id.str() + "/duplicate", dump({{"id", opened.id.str()}, {"address", opened.address}}),
                      Origin::kHere);
  }
  counters_.sessions.fetch_add(1, std::memory_order_relaxed);
  counters_.connected = static_cast<std::int64_t>(roster_.connected());
  if (!opened.grains.empty()) take_grains(opened.id, std::move(opened.grains));
  if (!result.displaced && minion->elsewhere.empty()) moves_here_.came.push_back(opened.id);
  if (cluster_) cluster_->session_opened(opened.id, *minion);
  if (events_.wanted())
    events_.publish("brine/minion/" + opened.id.str() + "/start", dump({{"id", opened.id.str()}, {"address", opened.address}}),
                    Origin::kHere);
  board_.session_opened(opened.id, *minion, opened.running);
}

// Most sessions bring the grains that are known already: those cost neither parsing nor writing.
void Engine::take_grains(const MinionId& id, std::string grains) {
  Minion* minion = roster_.find(id);
  const std::size_t hash = std::hash<std::string>{}(grains);
  if (minion == nullptr || minion->grains_hash == hash) return;
  index_.set(id, grains);
  if (ledger_.keep_grains({id, std::move(grains)})) minion->grains_hash = hash;
}

void Engine::grains_changed(SessionRef session, MinionId id, std::string grains) {
  const bool taken = loop_.try_post([this, session, id = std::move(id), grains = std::move(grains)]() mutable {
    const MinionId* holder = roster_.holder(session);
    if (holder != nullptr && *holder == id) take_grains(id, std::move(grains));
  });
  if (!taken) turn_away(session);
}

// ---- mine ------------------------------------------------------------------------------------------------------------------

void Engine::journal_at(SessionRef session, JournalPosition position) {
  const bool taken = loop_.try_post([this, session, position] {
    if (const MinionId* id = roster_.journal_at(session, position)) moved_journals_.insert(*id);
  });
  if (!taken) counters_.overflowed_notes.fetch_add(1, std::memory_order_relaxed);
}

void Engine::session_closed(SessionRef session, EndReason reason) {
  loop_.post([this, session, reason] { on_session_closed(session, reason); });
}

void Engine::on_session_closed(SessionRef session, EndReason reason) {
  const MinionId* id = roster_.close(session, reason);
  if (id == nullptr) return;
  counters_.connected = static_cast<std::int64_t>(roster_.connected());
  const Minion& minion = *roster_.find(*id);
  if (cluster_) cluster_->session_closed(*id, minion, reason);
  if (!minion.connected()) moves_here_.went.push_back(*id);
}

void Engine::gateway_opened(GatewayOpened opened) {
  const SessionRef session = opened.session;
  const bool taken = loop_.try_post([this, opened = std::move(opened)] {
    gateways_.opened(opened);
    counters_.gateways = static_cast<std::int64_t>(gateways_.all().size());
  });
  if (!taken) turn_away(session);
}

void Engine::gateway_closed(SessionRef session) {
  loop_.post([this, session] {
    gateways_.closed(session);
    counters_.gateways = static_cast<std::int64_t>(gateways_.all().size());
  });
}

void Engine::judge_chain(std::vector<store::Attachment> chain, std::function<void(UnixMicros)> done) {
  loop_.post([this, chain = std::move(chain), done = std::move(done)] { done(gateways_.trusted_until(chain)); });
}

void Engine::receipt(SessionRef session, JobId jid, Receipt receipt) {
  const bool taken = loop_.try_post([this, session, jid = std::move(jid), receipt] {
    const MinionId* id = roster_.holder(session);
    if (id == nullptr) return;
    board_.receipt(*id, jid, receipt);
    if (cluster_) cluster_->receipt(*id, jid);
  });
  if (!taken) counters_.overflowed_notes.fetch_add(1, std::memory_order_relaxed);
}

void Engine::restore_store(std::function<void(Status)> done) {
  if (!cluster_) return done(fail(Code::kUnsupported, "this master is alone: its store is its own"));
  loop_.post([this, done = std::move(done)]() mutable { cluster_->restore(std::move(done)); });
}

void Engine::ask(std::function<void(const View&)> question) {
  loop_.post([this, question = std::move(question)] { question(View{keys_, roster_, board_, gateways_, tokens_, mine_}); });
}

// ---- time and events -------------------------------------------------------------------------------------------------------

void Engine::tick() {
  if (cluster_) cluster_->tick();
  board_.review();
  mine_.flush();
  counters_.open_jobs = static_cast<std::int64_t>(board_.size());
  count_keys();
  if (clock_.now() < next_slow_tick_) return;
  next_slow_tick_ = clock_.now() + kSlowTick;
  keys_.tick();
  tokens_.tick();
  reap();
  keep_moved_journals();
  event_presence();
  if (!ledger_.available()) return;
  if (const auto usage = store_.outbox_usage()) {
    counters_.outbox_entries = usage->entries;
    counters_.outbox_bytes = usage->bytes;
    counters_.outbox_end = usage->end;
  }
}

void Engine::count_keys() {
  const KeyCounts keys = keys_.counts();
  counters_.keys_accepted = keys.accepted;
  counters_.keys_pending = keys.pending;
  counters_.keys_rejected = keys.rejected;
  counters_.keys_denied = keys.denied;
}

void Engine::keep_moved_journals() {
  std::vector<store::JournalMark> marks;
  for (const MinionId& id : std::exchange(moved_journals_, {})) {
    if (const Minion* minion = roster_.find(id)) marks.push_back({id, minion->journal.epoch, minion->journal.sequence});
  }
  if (!marks.empty()) ledger_.keep_journals(std::move(marks));
}

void Engine::event_dropped(std::uint64_t count) {
  if (events_.wanted()) events_.publish("brine/outbox/dropped", dump({{"returns", count}}), Origin::kHere);
}

void Engine::event_job(const store::JobRecord& job, Origin origin) {
  if (!events_.wanted()) return;
  events_.publish("brine/job/" + job.jid.str() + "/new",
                  dump({{"jid", job.jid.str()},
                        {"fun", job.function},
                        {"arg", Json::parse(job.arguments, nullptr, false)},
                        {"tgt", job.target},
                        {"tgt_type", job.target_kind},
                        {"user", job.user},
                        {"minions", texts(job.expected)}}),
                  origin);
}

void Engine::event_return(const store::ReturnRecord& record, Origin origin) {
  const OpenJob* job = board_.find(record.jid);
  events_.publish("brine/job/" + record.jid.str() + "/ret/" + record.minion.str(),
                  dump({{"jid", record.jid.str()},
                        {"id", record.minion.str()},
                        {"fun", job != nullptr ? job->record->function : ""},
                        {"success", record.success},
                        {"retcode", record.retcode},
                        {"return", Json::parse(record.payload, nullptr, false)}}),
                  origin);
}

void Engine::event_presence() {
  event_moves(moves_here_, Origin::kHere);
  event_moves(moves_elsewhere_, Origin::kElsewhere);
}

void Engine::event_moves(Moves& moves, Origin origin) {
  if (moves.came.empty() && moves.went.empty()) return;
  if (events_.wanted()) events_.publish("brine/presence/change", dump({{"new", texts(moves.came)}, {"lost", texts(moves.went)}}), origin);
  moves = {};
}

}  // namespace brine::engine
