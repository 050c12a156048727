#include "engine/engine.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "base/crash_point.h"
#include "base/log.h"
#include "mine/limits.h"

namespace brine::engine {
namespace {

constexpr milliseconds kTick{100};
constexpr seconds kSlowTick{1};
constexpr std::size_t kReplayPage = 1'000;
constexpr std::size_t kReapedAtOnce = 256;
constexpr std::size_t kGrainsPerTurn = 16;  // about 2 ms
constexpr std::size_t kMineOverhead = 256;
constexpr std::size_t kMaxMineBytes = 256U << 20;
constexpr std::size_t kMaxMineAnswer = 8U << 20;  // for a minion
constexpr std::size_t kMaxMineList = 48U << 20;   // for an operator

using Json = nlohmann::json;

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

UnixMicros in_micros(milliseconds duration) { return duration.count() * 1000; }

std::vector<std::string> texts(const std::vector<MinionId>& ids) {
  std::vector<std::string> list;
  list.reserve(ids.size());
  for (const MinionId& id : ids) list.push_back(id.str());
  return list;
}

bool went_back(JournalPosition known, JournalPosition shown) {
  return known.epoch != 0 && (shown.epoch != known.epoch || shown.sequence < known.sequence);
}

Error busy(std::string_view why) { return {Code::kBusy, "busy: " + std::string(why) + "; retry after a second"}; }

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

void Engine::mine_changed(SessionRef session, MinionId id, store::MineChange change) {
  std::size_t bytes = kMineOverhead;
  for (const store::MineRecord& entry : change.entries) bytes += mine::bytes_of(entry.name, entry.value, entry.allow);
  const bool fits = mine_bytes_.fetch_add(bytes) <= kMaxMineBytes;
  const bool taken = fits && loop_.try_post([this, session, id = std::move(id), change = std::move(change), bytes] {
    mine_bytes_ -= bytes;
    const MinionId* holder = roster_.holder(session);
    if (holder == nullptr || *holder != id) return;
    mine_.change(id, change);
    if (change.whole && cluster_) cluster_->mine_told(id);
  });
  if (taken) return;
  mine_bytes_ -= bytes;
  turn_away(session);
}

Result<std::vector<MinionId>> Engine::resolve(const MineQuery& query) {
  BRINE_LET(const target::Kind kind, target::parse_kind(query.target_kind));
  BRINE_LET(const target::Expression expression, target::parse(kind, query.target, query.delimiter));
  return index_.resolve(expression);
}

void Engine::mine_get(MinionId reader, MineQuery query, std::function<void(std::string, std::string)> done) {
  auto shared = std::make_shared<std::function<void(std::string, std::string)>>(std::move(done));
  const bool taken =
      loop_.try_post([this, reader = std::move(reader), query = std::move(query), shared] { on_mine_get(reader, query, *shared); });
  if (!taken) (*shared)("", "the master is busy; try again");
}

void Engine::on_mine_get(const MinionId& reader, const MineQuery& query, const std::function<void(std::string, std::string)>& done) {
  mine_.counters().reads.fetch_add(1, std::memory_order_relaxed);
  const auto ids = resolve(query);
  if (!ids) return done("", ids.error().message);
  const target::MinionView view{.id = reader.str(), .grains = index_.grains(reader)};
  auto json = mine_.index().json(query.name, *ids, &view, kMaxMineAnswer);
  json ? done(std::move(*json), "") : done("", std::move(json.error().message));
}

void Engine::read_mine(MineQuery query, std::function<void(Result<std::vector<MineValue>>)> done) {
  describe_mine(std::move(query), {}, [done = std::move(done)](Result<std::vector<Described>> described) {
    if (!described) return done(std::unexpected(described.error()));
    std::vector<MineValue> values;
    values.reserve(described->size());
    for (Described& value : *described) values.push_back(std::move(value.entry));
    done(std::move(values));
  });
}

bool Engine::is_present(const MinionId& id) const {
  const Minion* minion = roster_.find(id);
  if (minion == nullptr) return false;
  return minion->connected() || (minion->master_went && clock_.now() - minion->away_since < options_.board.reconnect_grace);
}

void Engine::describe_mine(MineQuery query, std::vector<std::string> grains, std::function<void(Result<std::vector<Described>>)> done) {
  loop_.post([this, query = std::move(query), grains = std::move(grains), done = std::move(done)] {
    mine_.counters().reads.fetch_add(1, std::memory_order_relaxed);
    const auto ids = resolve(query);
    if (!ids) return done(std::unexpected(ids.error()));
    std::vector<Described> all;
    std::size_t bytes = 0;
    std::size_t not_back = 0;  // since the start
    mine_.index().read(query.name, *ids, nullptr, [&](const MinionId& id, const mine::Index::Entry& entry) {
      bytes += entry.value.size();
      if (bytes > kMaxMineList) return;
      Described described{{id, entry.value, entry.allow, entry.changed, is_present(id)}, {}};
      const Minion* minion = roster_.find(id);
      if (!described.entry.present && minion != nullptr && !minion->seen) ++not_back;
      const target::Grains* known = grains.empty() ? nullptr : index_.grains(id);
      for (const std::string& grain : grains) described.grains.emplace_back(known == nullptr ? "" : known->text(grain).value_or(""));
      all.push_back(std::move(described));
    });
    if (bytes > kMaxMineList) return done(fail(Code::kFull, "the answer would be larger than 48 MiB: ask for fewer minions"));
    if (query.settled && not_back > 0 && clock_.now() < settled_at_)
      return done(fail(Code::kUnavailable, "this master has just started, and " + std::to_string(not_back) +
                                               " of these minions may still come back; ask again in some seconds"));
    done(std::move(all));
  });
}

void Engine::event_mine(const MinionId& id, const std::string& name, mine::Change change, Origin origin) {
  if (!events_.wanted()) return;
  const char* act = change == mine::Change::kAdded ? "add" : change == mine::Change::kChanged ? "change" : "remove";
  events_.publish("brine/mine/change", dump({{"id", id.str()}, {"fun", name}, {"act", act}}), origin);
}

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

// ---- keys ------------------------------------------------------------------------------------------------------------------

void Engine::key_accepted(const MinionId& id) {
  if (keys_.find(id)->kind != store::KeyKind::kSyndic) {
    roster_.add(id);
    index_.add(id);
  }
  if (events_.wanted()) events_.publish("brine/key", dump({{"act", "accept"}, {"id", id.str()}}), origin_of_key_change());
}

// What another master has changed was told there.
Origin Engine::origin_of_key_change() const { return keys_.refreshing() ? Origin::kElsewhere : Origin::kHere; }

void Engine::forget_minion(const MinionId& id, std::string_view why) {
  bool write = !keys_.refreshing();
  if (Minion* minion = roster_.find(id)) {
    write |= minion->session.has_value();
    if (minion->session) gateway_.end_session(*minion->session, GoodbyeReason::kKeyChanged, std::string(why));
    board_.forget(id);
    roster_.remove(id);
    counters_.connected = static_cast<std::int64_t>(roster_.connected());
  }
  index_.erase(id);
  gateways_.withdrawn(id, why);
  mine_.forget(id, write);
}

void Engine::key_withdrawn(const MinionId& id, std::string_view why) {
  forget_minion(id, why);
  if (events_.wanted())
    events_.publish("brine/key", dump({{"act", "withdraw"}, {"id", id.str()}, {"reason", std::string(why)}}), origin_of_key_change());
}

// Of several masters one does it; what the store holds decides whether it is done.
void Engine::reap() {
  if (keys_.ephemeral() == 0 || !ledger_.available() || (cluster_ && !cluster_->is_first())) return;
  const MonoTime latest = clock_.now() - options_.presence_expiry;
  std::vector<store::Departure> gone;
  for (const auto& [id, minion] : roster_.all()) {
    if (minion.connected() || minion.gone_since > latest) continue;
    const store::KeyRecord* key = keys_.find(id);
    if (key == nullptr || key->kind != store::KeyKind::kEphemeral) continue;
    gone.push_back({id, key->version, minion.generation});
    if (gone.size() == kReapedAtOnce) break;
  }
  keys_.reap(gone);
}

void Engine::key_reaped(const MinionId& id) {
  counters_.reaped.fetch_add(1, std::memory_order_relaxed);
  log::info("{} was away for longer than presence_expiry: it is forgotten", id.str());
  forget_minion(id, "the minion was away for longer than presence_expiry");
  if (events_.wanted()) events_.publish("brine/key", dump({{"act", "reap"}, {"id", id.str()}}), Origin::kHere);
}

void Engine::token_shown(const AdmissionRequest& request, std::string_view token, TokenOutcome outcome) {
  if (!events_.wanted()) return;
  events_.publish("brine/auth",
                  dump({{"act", "token"},
                        {"result", std::string(to_string(outcome))},
                        {"token", std::string(token)},
                        {"id", request.id.str()},
                        {"address", request.address}}),
                  Origin::kHere);
}

void Engine::key_seen(const MinionId& id, std::string_view act, std::string_view address) {
  if (events_.wanted())
    events_.publish("brine/auth", dump({{"act", std::string(act)}, {"id", id.str()}, {"address", std::string(address)}}), Origin::kHere);
}

void Engine::change_keys(KeyAuthority::Change what, KeyAuthority::Selection selection, std::function<void(Result<KeyList>)> done) {
  loop_.post([this, what, selection = std::move(selection), done = std::move(done)] { keys_.change(what, selection, done); });
}

void Engine::create_token(store::TokenRecord token, std::function<void(Status)> done) {
  loop_.post([this, token = std::move(token), done = std::move(done)]() mutable { tokens_.create(std::move(token), std::move(done)); });
}

void Engine::forget_token(std::string id, std::function<void(Status)> done) {
  loop_.post([this, id = std::move(id), done = std::move(done)]() mutable { tokens_.forget(id, std::move(done)); });
}

void Engine::restore_store(std::function<void(Status)> done) {
  if (!cluster_) return done(fail(Code::kUnsupported, "this master is alone: its store is its own"));
  loop_.post([this, done = std::move(done)]() mutable { cluster_->restore(std::move(done)); });
}

void Engine::ask(std::function<void(const View&)> question) {
  loop_.post([this, question = std::move(question)] { question(View{keys_, roster_, board_, gateways_, tokens_, mine_}); });
}

// ---- jobs ------------------------------------------------------------------------------------------------------------------

JobId Engine::next_jid() {
  last_jid_ = std::max(last_jid_ + 1, clock_.unix_now());
  return job_id_at(last_jid_);
}

Status Engine::admission_control() const {
  if (refusing_) return fail(Code::kUnavailable, "the master is stopping");
  if (cluster_ && ledger_.available() && !cluster_->peers().leads())
    return fail(Code::kUnavailable, "this master has lost its lease among the masters: use another one, or wait until it has it again");
  if (!ledger_.available())
    return fail(Code::kUnavailable, "the store is away: " + ledger_.trouble() + "; no job is accepted until it is back");
  if (board_.full(publishing_)) return std::unexpected(too_many_jobs());
  if (ledger_.depth() > options_.ledger.queue / 2) return std::unexpected(busy("the ledger has too much to write"));
  if (options_.outbox_refuses_jobs && counters_.outbox_bytes > options_.outbox_max_bytes)
    return std::unexpected(busy("the outbox has reached outbox.max_bytes because a returner is behind"));
  return {};
}

Error Engine::too_many_jobs() const { return busy(std::to_string(board_.size() + publishing_) + " jobs are open"); }

Error Engine::refused(Error error) {
  if (error.code == Code::kBusy) counters_.refused_busy.fetch_add(1, std::memory_order_relaxed);
  if (error.code == Code::kUnavailable) counters_.refused_unavailable.fetch_add(1, std::memory_order_relaxed);
  return error;
}

// Refuses before the queue what would be refused behind it: so submissions that come too fast hold up nothing that was accepted.
void Engine::submit(Submission submission, std::shared_ptr<Watcher> watcher, std::function<void(Result<Submitted>)> done) {
  if (board_.full(waiting_ + publishing_)) return done(std::unexpected(refused(too_many_jobs())));
  ++waiting_;
  auto shared = std::make_shared<std::function<void(Result<Submitted>)>>(std::move(done));
  const bool taken = loop_.try_post([this, submission = std::move(submission), watcher = std::move(watcher), shared]() mutable {
    --waiting_;
    accept(std::move(submission), std::move(watcher), *shared);
  });
  if (taken) return;
  --waiting_;
  counters_.overflowed_submissions.fetch_add(1, std::memory_order_relaxed);
  (*shared)(std::unexpected(refused(busy("too many requests are waiting"))));
}

void Engine::accept(Submission submission, std::shared_ptr<Watcher> watcher, std::function<void(Result<Submitted>)> done) {
  BRINE_CRASH_POINT("master.submission_received");
  if (auto admitted = admission_control(); !admitted) return done(std::unexpected(refused(admitted.error())));
  auto record = draft(submission);
  if (!record) return done(std::unexpected(record.error()));
  publish(std::make_shared<PendingSubmission>(
      PendingSubmission{std::move(submission), std::move(watcher), std::move(done), std::move(*record)}));
}

Result<std::shared_ptr<store::JobRecord>> Engine::draft(const Submission& submission) {
  BRINE_LET(const target::Kind kind, target::parse_kind(submission.target_kind));
  BRINE_LET(const target::Expression expression, target::parse(kind, submission.target, submission.delimiter));
  if (submission.expires > options_.max_expires)
    return fail(Code::kInvalid, fmt::format("--expires is longer than max_expires, {} s", options_.max_expires.count() / 1000));
  auto record = std::make_shared<store::JobRecord>();
  record->expected = index_.resolve(expression);
  if (submission.subset > 0 && record->expected.size() > submission.subset) {
    std::shuffle(record->expected.begin(), record->expected.end(), std::random_device());
    record->expected.resize(submission.subset);
    std::sort(record->expected.begin(), record->expected.end());
  }
  record->submission = submission.id;
  record->function = submission.function;
  record->arguments = submission.arguments;
  record->target_kind = submission.target_kind;
  record->target = submission.target;
  record->delimiter = submission.delimiter;
  record->user = submission.user;
  record->uid = submission.uid;
  record->timeout = submission.timeout > milliseconds(0) ? submission.timeout : options_.timeout;
  return record;
}

void Engine::publish(std::shared_ptr<PendingSubmission> pending) {
  store::JobRecord& record = *pending->record;
  if (record.expected.empty()) {
    // A repeated submission is answered with its job even if nobody matches any more.
    const auto known = store_.job_of(record.submission);
    if (known && *known) return published(pending, PublishedJob{store::JobResult::kRepeated, **known});
    return pending->done(fail(Code::kNotFound, "No minions matched the target. No command was sent, no jid was assigned."));
  }
  const milliseconds life = pending->submission.expires > milliseconds(0) ? pending->submission.expires
                                                                          : std::max(record.timeout, options_.board.reconnect_grace);
  record.jid = next_jid();
  record.issued = clock_.unix_now();
  record.not_after = record.issued + in_micros(std::min(life, options_.max_expires));
  record.forget_at = record.not_after + in_micros(options_.keep_jobs);
  if (auto signed_job = notary_.sign_job(record); !signed_job) return pending->done(std::unexpected(signed_job.error()));
  if (cluster_) pending->reading = cluster_->reading();
  const bool taken = ledger_.publish(pending->record, [this, pending](Result<PublishedJob> result) {
    loop_.post([this, pending, result = std::move(result)]() mutable {
      --publishing_;
      published(pending, std::move(result));
    });
  });
  if (!taken) return pending->done(std::unexpected(refused(busy("the ledger has too much to write"))));
  ++publishing_;
}

void Engine::published(const std::shared_ptr<PendingSubmission>& pending, Result<PublishedJob> result) {
  if (!result) return pending->done(std::unexpected(refused(result.error())));
  if (result->result == store::JobResult::kJidExists) return publish(pending);
  if (result->result == store::JobResult::kRepeated) return repeated(*pending, result->jid);
  counters_.jobs.fetch_add(1, std::memory_order_relaxed);
  pending->done(Submitted{result->jid, static_cast<std::uint32_t>(pending->record->expected.size()), false});
  event_job(*pending->record, Origin::kHere);
  BRINE_CRASH_POINT("master.before_delivery");
  board_.open(pending->record, {});
  // Before what was heard of the job too early counts: another master may have its returns already.
  if (pending->watcher)
    board_.watch(result->jid, pending->watcher, pending->record->timeout, pending->submission.expires > milliseconds(0));
  if (cluster_) cluster_->opened(result->jid, pending->reading);
  BRINE_CRASH_POINT("master.after_delivery");
  board_.review(result->jid);
}

// What is stored first, then what comes: a return may be told twice, but none is missed.
void Engine::repeated(const PendingSubmission& pending, const JobId& jid) {
  auto record = store_.job(jid);
  auto returns = record && *record && pending.watcher ? all_returns_of(jid) : Result<std::vector<store::ReturnRecord>>();
  if (!record || !returns) return pending.done(std::unexpected(refused(record ? returns.error() : record.error())));
  pending.done(Submitted{jid, *record ? static_cast<std::uint32_t>((*record)->expected.size()) : 0, true});
  if (!pending.watcher) return;
  if (!*record) return pending.watcher->finished({});
  std::vector<MinionId> returned;
  for (const store::ReturnRecord& value : *returns) {
    pending.watcher->returned(value);
    returned.push_back(value.minion);
  }
  open_known(**record, returned);
  if (board_.watch(jid, pending.watcher, pending.record->timeout, pending.submission.expires > milliseconds(0))) return board_.review(jid);
  std::vector<MissingMinion> missing;
  for (const MinionId& id : (*record)->expected) {
    if (!std::binary_search(returned.begin(), returned.end(), id)) missing.push_back(board_.explain(**record, id));
  }
  pending.watcher->finished(missing);
}

Result<std::vector<store::ReturnRecord>> Engine::all_returns_of(const JobId& jid) const {
  std::vector<store::ReturnRecord> all;
  while (true) {
    BRINE_LET(auto page, store_.returns_of(jid, all.empty() ? MinionId() : all.back().minion, kReplayPage));
    if (page.empty()) return all;
    std::move(page.begin(), page.end(), std::back_inserter(all));
  }
}

// A job that lies in the store and is not over goes to the board, if it is not there.
void Engine::open_known(store::JobRecord record, const std::vector<MinionId>& returned) {
  if (board_.find(record.jid) != nullptr || record.signed_job.empty() || record.not_after < clock_.unix_now() ||
      returned.size() == record.expected.size())
    return;
  const JobId jid = record.jid;
  board_.open(std::make_shared<const store::JobRecord>(std::move(record)), returned);
  if (cluster_) cluster_->opened(jid, cluster_->reading());
}

// Called on the ledger's thread.
void Engine::acknowledge(const std::vector<CommittedReturn>& returns) {
  std::map<SessionRef, Gateway::Acknowledgement> by_session;
  for (const CommittedReturn& value : returns) {
    Gateway::Acknowledgement& acknowledgement = by_session[value.session];
    acknowledgement.jids.push_back(value.record.jid);
    acknowledgement.at_once |= value.result == store::ReturnResult::kRepeated;
  }
  std::vector<Gateway::Acknowledgement> list;
  list.reserve(by_session.size());
  for (auto& [session, acknowledgement] : by_session) {
    acknowledgement.session = session;
    list.push_back(std::move(acknowledgement));
  }
  gateway_.acknowledge(std::move(list));
  BRINE_CRASH_POINT("master.after_acknowledgement");
}

void Engine::committed(std::vector<CommittedReturn> returns) {
  const bool events = events_.wants_returns();
  for (const CommittedReturn& value : returns) {
    if (const auto call = calls_.find(value.record.jid); call != calls_.end()) {
      call->second(value.record.jid);
      calls_.erase(call);
    }
    if (value.result == store::ReturnResult::kUnexpected)
      log::warning("{} returned for job {}, which was not addressed to it: ignored", value.record.minion.str(), value.record.jid.str());
    if (value.result == store::ReturnResult::kConflict)
      log::warning("{} returned twice for job {}, differently: the first is kept", value.record.minion.str(), value.record.jid.str());
    if (events && value.result == store::ReturnResult::kFirst) event_return(value.record, Origin::kHere);
    // What was kept is another one, from another master: it is read.
    if (value.result == store::ReturnResult::kConflict && cluster_) {
      cluster_->returned(value.record.jid, value.record.minion);
      continue;
    }
    // A repeated one may be the first that this process hears of: committed before it was killed, acknowledged only now.
    if (value.result != store::ReturnResult::kUnexpected) board_.returned(value.record);
  }
}

void Engine::fed(const std::vector<store::FeedEntry>& entries) {
  if (cluster_) return cluster_->fed(entries);
  for (const store::FeedEntry& entry : entries) {
    if (board_.find(entry.jid) != nullptr) continue;
    auto record = store_.job(entry.jid);
    if (!record) {
      log::error("cannot read job {}: {}", entry.jid.str(), record.error().message);
      continue;
    }
    if (!*record) continue;
    if (const auto returned = store_.returned_minions(entry.jid)) open_known(std::move(**record), *returned);
  }
}

// ---- calls -----------------------------------------------------------------------------------------------------------------

void Engine::report_call(CallReport report, std::function<void(Result<JobId>)> done) {
  loop_.post([this, report = std::move(report), done = std::move(done)]() mutable { on_call(std::move(report), std::move(done)); });
}

void Engine::on_call(CallReport report, std::function<void(Result<JobId>)> done) {
  if (!keys_.is_accepted(report.minion)) return done(fail(Code::kDenied, "the key of " + report.minion.str() + " is not accepted"));
  if (auto admitted = admission_control(); !admitted) return done(std::unexpected(refused(admitted.error())));
  auto record = std::make_shared<store::JobRecord>();
  record->jid = next_jid();
  const std::string& jid = record->jid.str();
  std::seed_seq seed(jid.begin(), jid.end());
  std::mt19937 random(seed);
  for (std::uint8_t& byte : record->submission.bytes) byte = static_cast<std::uint8_t>(random());
  record->function = report.function;
  record->arguments = report.arguments;
  record->target_kind = "list";
  record->target = report.minion.str();
  record->user = "brine-call";
  record->issued = clock_.unix_now();
  record->not_after = record->issued;
  record->forget_at = record->issued + in_micros(options_.keep_jobs);
  record->expected = {report.minion};
  report.result.jid = record->jid;
  report.result.minion = report.minion;
  report.result.received = record->issued;
  const bool taken = ledger_.publish(record, [this, result = report.result, done](Result<PublishedJob> published) {
    loop_.post([this, result, done, published = std::move(published)]() mutable {
      if (!published) return done(std::unexpected(published.error()));
      calls_[result.jid] = done;
      std::vector<PendingReturn> returns{{SessionRef{}, result}};
      if (ledger_.add_returns(std::move(returns))) return;
      calls_.erase(result.jid);
      done(std::unexpected(busy("the ledger has too much to write")));
    });
  });
  if (!taken) done(std::unexpected(busy("the ledger has too much to write")));
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
