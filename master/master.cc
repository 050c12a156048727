#include "master/master.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "front/minion_face.h"
#include "front/probe.h"
#include "master/autosign.h"
#include "master/discovery.h"
#include "master/key_copy.h"
#include "master/master_metrics.h"
#include "master/operator_desk.h"
#include "master/sharing.h"
#include "metrics/process_metrics.h"
#include "net/face_loop.h"
#include "net/key_files.h"
#include "returners/registry.h"
#include "store/redis_store.h"
#include "store/sqlite_store.h"

namespace brine::master {
namespace {

constexpr milliseconds kRunnerTick{1'000};
constexpr const char* kTicketKeys = "ticket_keys";
constexpr seconds kKeyCopyEvery{5};
constexpr std::size_t kKeysAtOnce = 1'000;
constexpr milliseconds kProbePatience{1'000};
constexpr milliseconds kReturnersPatience{5'000};

Result<std::uint32_t> uid_of(const std::string& name) {
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) return static_cast<std::uint32_t>(std::stoul(name));
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwnam_r(name.c_str(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) return found->pw_uid;
  return fail(Code::kInvalid, "operators: there is no user '" + name + "' on this machine");
}

}  // namespace

// The engine, as the front sees it.
class Master::EngineUpstream final : public front::Upstream {
 public:
  explicit EngineUpstream(engine::Engine& engine) : engine_(engine) {}

  void admit(engine::AdmissionRequest request, std::function<void(engine::Admission)> done) override {
    engine_.admit(std::move(request), std::move(done));
  }
  void session_opened(engine::SessionOpened opened) override { engine_.session_opened(std::move(opened)); }
  void session_closed(engine::SessionRef session, engine::EndReason reason) override { engine_.session_closed(session, reason); }
  void receipt(engine::SessionRef session, JobId jid, engine::Receipt receipt) override {
    engine_.receipt(session, std::move(jid), receipt);
  }
  void journal_at(engine::SessionRef session, engine::JournalPosition position) override { engine_.journal_at(session, position); }
  void grains_changed(engine::SessionRef session, MinionId id, std::string grains) override {
    engine_.grains_changed(session, std::move(id), std::move(grains));
  }
  void mine_changed(engine::SessionRef session, MinionId id, store::MineChange change) override {
    engine_.mine_changed(session, std::move(id), std::move(change));
  }
  void mine_get(engine::SessionRef, MinionId id, engine::MineQuery query, std::function<void(std::string, std::string)> done) override {
    engine_.mine_get(std::move(id), std::move(query), std::move(done));
  }
  bool returns(std::vector<engine::PendingReturn>&& returns) override { return engine_.add_returns(std::move(returns)); }
  void gateway_opened(engine::GatewayOpened opened) override { engine_.gateway_opened(std::move(opened)); }
  void gateway_closed(engine::SessionRef session) override { engine_.gateway_closed(session); }
  void judge_chain(engine::SessionRef, std::vector<store::Attachment> chain, std::function<void(UnixMicros)> done) override {
    engine_.judge_chain(std::move(chain), std::move(done));
  }
  void call(MinionId id, front::CallReport report, std::function<void(JobId, std::string)> done) override {
    engine_.report_call(
        {std::move(id), std::move(report.function), std::move(report.arguments), std::move(report.result)},
        [done = std::move(done)](const Result<JobId>& result) { result ? done(*result, "") : done(JobId(), result.error().message); });
  }

 private:
  engine::Engine& engine_;
};

// The masters of the manifest, as runners change them.
class Master::Members final : public MembersDesk {
 public:
  explicit Members(Master& master) : master_(master) {}

  Result<Json> request(const std::string& name) override {
    BRINE_LET(const wire::Member member, requested(name));
    return Json{{"name", name}, {"finger", net::fingerprint(member.public_key)}};
  }
  Result<Json> add(const std::string& name, const std::string& finger) override {
    BRINE_LET(const wire::Member member, requested(name));
    const std::string found = net::fingerprint(member.public_key);
    if (!finger.empty() && finger != found)
      return fail(Code::kDenied, "the master that asks to join as '" + name + "' has the fingerprint " + found + ": it was not added");
    const std::scoped_lock guard(master_.identity_mutex_);
    BRINE_TRY(master_.identity_->add_master(member, master_.clock_));
    master_.manifest_changed();
    return Json{{"master", name}, {"finger", found}, {"epoch", master_.identity_->manifest().epoch}};
  }
  Result<Json> remove(const std::string& name) override {
    const std::scoped_lock guard(master_.identity_mutex_);
    BRINE_TRY(master_.identity_->remove_master(name, master_.clock_));
    master_.manifest_changed();
    return Json{{"master", name}, {"epoch", master_.identity_->manifest().epoch}};
  }
  Result<Json> list() override {
    const std::scoped_lock guard(master_.identity_mutex_);
    Json names = Json::object();
    for (const wire::Member& member : master_.identity_->manifest().members) {
      if (member.role == wire::Role::kMaster) names[member.name] = net::fingerprint(member.public_key);
    }
    return names;
  }

  void share_again() override {
    const std::scoped_lock guard(master_.identity_mutex_);
    master_.manifest_changed();
  }

 private:
  Result<wire::Member> requested(const std::string& name) const {
    if (master_.shared_ == nullptr) return fail(Code::kUnsupported, "several masters need state.backend: redis");
    return StoreManifest(*master_.shared_).request_of(name);
  }

  Master& master_;
};

Master::Master(const config::MasterConfig& config) : config_(config) {}

Master::~Master() { stop(); }

Result<std::unique_ptr<Master>> Master::start(const config::MasterConfig& config) {
  std::unique_ptr<Master> master(new Master(config));
  BRINE_TRY(make_folders(config.sock_dir, 0700));
  BRINE_TRY(master->open_metrics());
  BRINE_TRY(master->open_store());
  BRINE_TRY(master->open_identity());
  BRINE_TRY(master->start_engine());
  BRINE_TRY(master->open_tickets());
  BRINE_TRY(master->start_returners());
  BRINE_TRY(master->open_minion_face());
  BRINE_TRY(master->open_operator_face());
  master->minion_face_->start();
  master->operator_face_->start();
  BRINE_TRY(master->join());
  master->declare_metrics();
  BRINE_TRY(master->announce());
  master->stage_ = Stage::kServing;
  return master;
}

// Before everything that takes time, so that who asks is told what the master is at.
Status Master::open_metrics() {
  if (!config_.metrics.listen) return {};
  metrics::declare_process_metrics(registry_);
  auto opened = metrics::HttpServer::open(config_.metrics.listen->host, config_.metrics.listen->port,
                                          {.metrics = [this] { return registry_.text(); },
                                           .healthy = [this] { return loop_watch_.healthy(); },
                                           .ready = [this] { return ready(); }});
  if (!opened) return fail(opened.error(), "metrics.listen");
  metrics_server_ = std::move(*opened);
  return {};
}

void Master::declare_metrics() {
  if (!metrics_server_) return;
  metrics_server_->add_page("/discovery/prometheus", [this](const metrics::Query& query) { return prometheus_targets(*engine_, query); });
  for (std::size_t i = 0; i < minion_face_->loop_count(); ++i)
    loop_watch_.add_loop("face-" + std::to_string(i), [loop = &minion_face_->loop(i)](auto task) { loop->post(std::move(task)); });
  loop_watch_.add_loop("operator-0", [loop = &operator_face_->loop(0)](auto task) { loop->post(std::move(task)); });
  loop_watch_.add_loop("engine", [this](auto task) { engine_->ask([task = std::move(task)](const engine::Engine::View&) { task(); }); });
  loop_watch_.add_thread("ledger", [this] { return engine_->ledger().counters().turns.load(std::memory_order_relaxed); });
  loop_watch_.declare(registry_, "brine_master");
  declare_master_metrics(registry_, {.engine = *engine_,
                                     .front = *front_,
                                     .minion_face = *minion_face_,
                                     .operator_face = *operator_face_,
                                     .drains = drains_,
                                     .clock = clock_,
                                     .runner_thread = runner_thread_,
                                     .config = config_});
}

Status Master::ready() const {
  switch (stage_.load()) {
    case Stage::kStarting: return fail(Code::kUnavailable, "the master is starting");
    case Stage::kStopping: return fail(Code::kUnavailable, "the master is stopping");
    case Stage::kServing: break;
  }
  if (!engine_->ledger().available()) return fail(Code::kUnavailable, "the store is away: " + engine_->ledger().trouble());
  return {};
}

// A store that was emptied or exchanged while this master was away is not followed: it would forget every key.
Status Master::judge_store() {
  auto copy = read_key_copy(key_copy_file());
  if (!copy && copy.error().code == Code::kNotFound) return {};
  if (!copy) return std::unexpected(copy.error());
  if (copy->epoch == shared_->epoch()) return {};
  BRINE_LET(const bool succeeds, shared_->succeeds(copy->epoch));
  if (succeeds) return {};
  if (!config_.restore_store)
    return fail(
        Code::kUnavailable,
        "the store is not the one that this master knew: it was emptied or exchanged. To go on with it: brine-run cluster.restore on a "
        "master that runs still; if none does, start one with --restore-store. To follow what is in it: remove " +
            key_copy_file());
  for (std::size_t from = 0; from < copy->keys.size(); from += kKeysAtOnce) {
    store::Batch batch;
    const std::size_t end = std::min(copy->keys.size(), from + kKeysAtOnce);
    batch.keys.assign(copy->keys.begin() + static_cast<std::ptrdiff_t>(from), copy->keys.begin() + static_cast<std::ptrdiff_t>(end));
    BRINE_TRY(shared_->commit(batch));
  }
  std::uint32_t given = 0;
  for (const store::KeyRecord& key : copy->keys) given = std::max(given, key.index);
  BRINE_TRY(shared_->reserve_indexes(given + 1));
  log::warning("put {} keys of this master's copy into the store", copy->keys.size());
  return shared_->succeed(copy->epoch);
}

std::string Master::key_copy_file() const { return config_.state.path + "/keys.copy"; }

// At most once in some seconds: it is the whole.
void Master::keep_key_copy() {
  if (shared_ == nullptr || clock_.now() < next_key_copy_ || !engine_->ledger().available()) return;
  next_key_copy_ = clock_.now() + kKeyCopyEvery;
  KeyCopy copy;
  copy.epoch = shared_->epoch();
  const std::uint64_t revision = ask<std::uint64_t>(*engine_, [&](const engine::Engine::View& view) {
    if (view.keys.revision() != copied_revision_ || copy.epoch != copied_epoch_) copy.keys = view.keys.records();
    return view.keys.revision();
  });
  if (revision == copied_revision_ && copy.epoch == copied_epoch_) return;
  if (auto written = write_key_copy(key_copy_file(), copy); !written) return log::error("{}", written.error().message);
  copied_revision_ = revision;
  copied_epoch_ = copy.epoch;
}

Status Master::open_identity() {
  if (shared_ == nullptr) {
    BRINE_LET(Identity identity, Identity::open(config_.pki_dir, config_.id, config_.manifest_days, clock_));
    identity_ = std::make_unique<Identity>(std::move(identity));
    return {};
  }
  StoreManifest shared(*shared_);
  BRINE_LET(Identity identity, Identity::open(config_.pki_dir, config_.id, config_.manifest_days, clock_, &shared));
  identity_ = std::make_unique<Identity>(std::move(identity));
  return {};
}

Status Master::open_store() {
  if (config_.state.backend == config::StateBackend::kRedis) {
    store::RedisOptions options;
    options.url = config_.state.url;
    options.user = config_.state.user;
    options.password_file = config_.state.password_file;
    options.cluster = config_.cluster;
    options.durability = static_cast<store::RedisDurability>(config_.state.durability);
    BRINE_LET(auto opened, store::open_redis_store(options));
    shared_ = opened.get();
    store_ = std::move(opened);
    BRINE_TRY(make_folders(config_.state.path, 0700));
    return judge_store();
  }
  store::SqliteOptions options;
  options.folder = config_.state.path;
  auto opened = store::open_sqlite_store(options);
  if (!opened) return fail(opened.error(), "state.path " + config_.state.path);
  store_ = std::move(*opened);
  return {};
}

// Ticket keys survive a restart, wrapped for this master: whoever comes back after it still holds a ticket.
Status Master::open_tickets() {
  tickets_ = std::make_unique<net::TicketKeeper>(std::chrono::duration_cast<milliseconds>(config_.ticket_life));
  BRINE_LET(const auto wrapped, store_->setting(shared_ == nullptr ? kTicketKeys : ticket_keys_setting(config_.id)));
  if (!wrapped) return {};
  if (shared_ != nullptr) {
    take_ticket_keys(*wrapped);
  } else {
    if (auto opened = tickets_->unwrap(identity_->wrap_key(), *wrapped); !opened)
      log::warning("the ticket keys in the store are not for this master; minions make full handshakes: {}", opened.error().message);
  }
  return {};
}

// Of several masters the first by name draws new keys, and shares them whenever there are other masters than before. Each has keys of its
// own until it gets those.
void Master::keep_ticket_keys() {
  if (shared_ == nullptr) {
    if (tickets_->rotate_if_due(clock_.unix_now()))
      engine_->ledger().keep_setting(kTicketKeys, tickets_->wrap(identity_->wrap_key().public_key()));
    return;
  }
  const engine::Peers& peers = *engine_->peers();
  const auto masters = peers.masters();
  const bool first = peers.leads() && !masters.empty() && masters.front().id == peers.self();
  const bool changed = masters_changed_.exchange(false);
  if (!first && tickets_->has_key()) return;
  const bool rotated = tickets_->rotate_if_due(clock_.unix_now());
  if (!first || (!rotated && !changed)) return;
  const std::scoped_lock guard(identity_mutex_);
  share_ticket_keys(*tickets_, identity_->manifest(), *notary_, engine_->ledger());
}

engine::EngineOptions Master::engine_options() const {
  engine::EngineOptions options;
  options.keys.cluster = config_.cluster;
  options.keys.auto_accept = config_.auto_accept;
  if (!config_.autosign_file.empty()) options.keys.autosign = autosign_by_file(config_.autosign_file);
  options.keys.pending_max = static_cast<std::size_t>(config_.pending_keys_max);
  options.keys.pending_life = config_.pending_keys_seconds;
  options.keys.acceptance_wait = config_.acceptance_wait_time;
  options.presence_expiry = config_.presence_expiry;
  options.board.reconnect_grace = config_.reconnect_grace;
  options.board.max_open = config_.max_open_jobs;
  options.ledger.queue = config_.max_pending_returns;
  options.ledger.outbox_keep = config_.outbox.keep_seconds;
  for (const config::ReturnerConfig& returner : config_.returners) options.ledger.returners.push_back(returner.name);
  options.timeout = config_.timeout;
  options.keep_jobs = config_.keep_jobs_seconds;
  options.max_expires = config_.max_expires;
  options.outbox_max_bytes = config_.outbox.max_bytes;
  options.outbox_refuses_jobs = config_.outbox.on_full == config::OutboxFull::kRefuseJobs;
  if (!options.outbox_refuses_jobs) options.ledger.outbox_max_bytes = config_.outbox.max_bytes;
  return options;
}

Status Master::start_engine() {
  BRINE_LET(event_bus_, net::EventPublisher::open(config_.sock_dir + "/events.ipc", config_.event_queue));
  BRINE_LET(events_, EventPort::make(*event_bus_, clock_, config_));
  notary_ = std::make_unique<MasterNotary>(*identity_, gateway_);
  engine_ = std::make_unique<engine::Engine>(*store_, gateway_, *notary_, *events_, clock_, engine_options(), [this] {
    for (const auto& drain : drains_) drain->wake();
  });
  events_->attach(engine_->ledger());
  if (shared_ != nullptr) {
    engine::PeerOptions peers;
    peers.self.id = config_.id;
    peers.self.public_key = identity_->key().public_key();
    peers.self.wrap_key = identity_->wrap_key().public_key();
    peers.self.since = clock_.unix_now();
    peers.probe = [](const std::string& address) { return front::master_serves(address, kProbePatience); };
    engine_->share(*shared_, std::move(peers),
                   {.masters = [this](const std::vector<store::MasterCard>& masters) { show_masters(masters); },
                    .setting = [this](const std::string&) { settings_changed_ = true; },
                    .connected =
                        [this](bool cut_off) {
                          engine_->set_draining(cut_off || draining_);
                          if (cut_off) gateway_.say_stopping();
                        }});
  }
  upstream_ = std::make_unique<EngineUpstream>(*engine_);
  members_ = std::make_unique<Members>(*this);
  add_all_runners(runners_, {*engine_, *identity_, clock_, members_.get(), drains_});
  runner_thread_.start(kRunnerTick, [] {});
  return {};
}

Result<returners::DrainOptions> Master::drain_options(const config::ReturnerConfig& returner) const {
  returners::DrainOptions options;
  options.name = returner.name;
  options.master = config_.id;
  options.batch = returner.batch;
  BRINE_LET(options.filter, returners::Filter::make(returner.only, returner.except));
  options.events = std::ranges::find(config_.event_return, returner.name) != config_.event_return.end();
  options.dead_letters = returner.dead_letters;
  options.keep_position = [this](const std::string& name, std::uint64_t position) { return engine_->ledger().returner_at(name, position); };
  options.keep_setting = [this](const std::string& name, const std::string& value) { return engine_->ledger().keep_setting(name, value); };
  if (shared_ != nullptr) options.ours = [this, name = returner.name] { return delivers_to(name); };
  return options;
}

// Of several masters one delivers to a returner: the same for all that see the same masters. While they do not, both may deliver.
bool Master::delivers_to(const std::string& returner) const {
  const engine::Peers& peers = *engine_->peers();
  std::string first, weight;
  for (const store::MasterCard& card : peers.masters()) {
    const std::string its = net::sha256(returner + '\0' + card.id);
    if (its > weight) std::tie(first, weight) = std::pair(card.id, its);
  }
  return peers.leads() && first == peers.self();
}

// The returners stand before the engine serves: outbox_grew must find them.
Status Master::start_returners() {
  for (const config::ReturnerConfig& config : config_.returners) {
    BRINE_LET(auto returner, returners::open_returner(config));
    BRINE_LET(auto options, drain_options(config));
    drains_.push_back(std::make_unique<returners::Drain>(std::move(returner), *store_, clock_, std::move(options)));
  }
  for (const auto& drain : drains_) BRINE_TRY(drain->start());
  return {};
}

// What is still to be delivered may take some seconds together. The ledger has ended: this is the only one that writes.
void Master::stop_returners() {
  const MonoTime deadline = clock_.now() + kReturnersPatience;
  for (const auto& drain : drains_) drain->begin_stop();
  store::Batch last;
  for (const auto& drain : drains_) {
    drain->stop(deadline);
    if (shared_ == nullptr || drain->counters().delivers) last.returner_positions[drain->name()] = drain->counters().position;
  }
  if (last.empty() || !engine_ || !engine_->ledger().available()) return;
  if (auto kept = store_->commit(last); !kept) log::warning("returners will be given their last records again: {}", kept.error().message);
}

Status Master::open_minion_face() {
  front_ = front::make_front_context(config_);
  front_->upstream = upstream_.get();
  front_->tickets = tickets_.get();
  front_->clock = &clock_;
  front_->identity = identity_->server_identity();
  BRINE_LET(minion_face_, front::open_minion_face(config_, front_, gateway_));
  front_->address = own_address();
  BRINE_TRY(engine_->start());
  keep_ticket_keys();
  return {};
}

// What minions and other masters find this master under.
std::string Master::own_address() const {
  if (shared_ == nullptr) return "";
  const std::string port = ":" + std::to_string(minion_face_->tcp_port());
  if (!config_.address.empty()) {
    const auto address = config::parse_address(config_.address);
    return address->port != 0 ? config_.address : config_.address + port;
  }
  const bool any = config_.interface == "0.0.0.0" || config_.interface == "::";
  if (!any) return (config_.interface.find(':') == std::string::npos ? config_.interface : "[" + config_.interface + "]") + port;
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name + port;
}

// The manifest first: who finds this master among the others must be able to believe it.
Status Master::join() {
  if (shared_ == nullptr) return {};
  BRINE_LET(const auto theirs, shared_->setting(kManifestSetting));
  if (!theirs || *theirs != identity_->signed_manifest()) engine_->ledger().keep_setting(kManifestSetting, identity_->signed_manifest());
  return engine_->join(own_address());
}

// Minions are told of those that take them; of one that was restarted, as of one that went and came. Called on the engine's thread.
void Master::show_masters(const std::vector<store::MasterCard>& masters) {
  masters_changed_ = true;
  auto open = std::make_shared<std::vector<std::string>>();
  std::vector<std::string> unchanged;
  std::map<std::string, UnixMicros> shown;
  for (const store::MasterCard& card : masters) {
    if (card.draining) continue;
    open->push_back(card.address);
    const auto before = shown_masters_.find(card.address);
    if (before == shown_masters_.end() || before->second == card.since) unchanged.push_back(card.address);
    shown[card.address] = card.since;
  }
  if (std::exchange(shown_masters_, shown) == shown) return;
  if (unchanged.size() < open->size() && !unchanged.empty()) gateway_.show_masters(unchanged);
  front_->masters = open;
  gateway_.show_masters(*open);
}

Status Master::open_operator_face() {
  std::set<std::uint32_t> allowed{0, ::geteuid()};
  for (const std::string& name : config_.operators) {
    BRINE_LET(const std::uint32_t uid, uid_of(name));
    allowed.insert(uid);
  }
  net::FaceOptions options;
  options.name = "operator";
  options.ipc_path = config_.sock_dir + "/operator.ipc";
  // Other users reach the socket only when there are operators beside root; who they are is judged by uid.
  options.ipc_mode = config_.operators.empty() ? 0600 : 0666;
  options.heartbeat = milliseconds(60'000);
  options.heartbeat_timeout = milliseconds(180'000);
  options.max_message = 64U << 20;
  BRINE_LET(operator_face_, net::Face::open(options, [&](net::FaceLoop& loop) {
              return std::make_unique<OperatorDesk>(loop, *engine_, runners_, runner_thread_, allowed);
            }));
  if (!config_.operators.empty() && ::chmod(config_.sock_dir.c_str(), 0711) != 0)
    return fail_errno("cannot open " + config_.sock_dir, errno);
  return {};
}

// sock_dir/master.json tells scripts where we are; it appears when everything serves.
Status Master::announce() const {
  const nlohmann::json metrics_port = metrics_server_ ? nlohmann::json(metrics_server_->port()) : nlohmann::json(nullptr);
  const nlohmann::json text{{"pid", ::getpid()},
                            {"ret_port", minion_face_->tcp_port()},
                            {"metrics_port", metrics_port},
                            {"operator", config_.sock_dir + "/operator.ipc"},
                            {"root_finger", net::fingerprint(identity_->root_public_key())}};
  return replace_file(config_.sock_dir + "/master.json", text.dump() + "\n", 0644);
}

Status Master::tick() {
  loop_watch_.look();
  keep_ticket_keys();
  if (shared_ != nullptr) front_->serves = engine_->peers()->leads();
  if (shared_ != nullptr && settings_changed_.exchange(false)) {
    if (auto read = read_shared(); !read) {
      if (read.error().code == Code::kDenied) return read;
      settings_changed_ = true;  // the store is away: again later
    }
  }
  refresh_manifest();
  keep_syndics();
  keep_key_copy();
  return {};
}

// What other masters have left for this one.
Status Master::read_shared() {
  BRINE_LET(const auto manifest, shared_->setting(kManifestSetting));
  if (manifest) {
    const std::scoped_lock guard(identity_mutex_);
    BRINE_LET(const bool taken, identity_->take_shared(*manifest));
    if (taken) manifest_changed();
  }
  BRINE_LET(const auto wrapped, shared_->setting(ticket_keys_setting(config_.id)));
  if (wrapped) take_ticket_keys(*wrapped);
  BRINE_LET(const auto drain, shared_->setting(drain_setting(config_.id)));
  const bool draining = drain.has_value();
  if (draining_.exchange(draining) == draining) return {};
  log::warning("{}", draining ? "draining: the minions are sent to the other masters" : "takes minions again");
  engine_->set_draining(draining);
  engine_->peers()->set_draining(draining);
  if (draining) gateway_.say_stopping();
  return {};
}

void Master::take_ticket_keys(const std::string& shared) {
  auto wrapped = open_shared_ticket_keys(config_.id, shared, *notary_);
  const Status opened = wrapped ? tickets_->unwrap(identity_->wrap_key(), *wrapped) : std::unexpected(wrapped.error());
  if (!opened) log::warning("the ticket keys in the store are not taken: {}", opened.error().message);
}

void Master::refresh_manifest() {
  const std::scoped_lock guard(identity_mutex_);
  const auto refreshed = identity_->refresh(clock_);
  const std::string trouble = refreshed ? "" : refreshed.error().message;
  if (std::exchange(manifest_trouble_, trouble) != trouble && !trouble.empty()) log::error("{}", trouble);
  if (refreshed && *refreshed) manifest_changed();
}

// Accepted syndics are named in the manifest, others are not: by the master that has the root key.
void Master::keep_syndics() {
  std::map<std::string, std::string> syndics;
  const std::uint64_t revision = ask<std::uint64_t>(*engine_, [&](const engine::Engine::View& view) {
    if (view.keys.revision() == syndics_revision_) return view.keys.revision();
    for (const store::KeyRecord& key : view.keys.records()) {
      if (key.kind == store::KeyKind::kSyndic && key.state == store::KeyState::kAccepted) syndics[key.id.str()] = key.public_key;
    }
    return view.keys.revision();
  });
  if (revision == syndics_revision_) return;
  const std::scoped_lock guard(identity_mutex_);
  const auto named = identity_->set_syndics(syndics, clock_);
  const std::string trouble = named ? "" : named.error().message;
  if (std::exchange(syndics_trouble_, trouble) != trouble && !trouble.empty())
    log::warning("the manifest does not name all accepted syndics, and no others: {}", trouble);
  if (!named) return;
  syndics_revision_ = revision;
  if (*named) manifest_changed();
}

// Under identity_mutex_.
void Master::manifest_changed() {
  front_->identity = identity_->server_identity();
  notary_->manifest_renewed(identity_->manifest());
  gateway_.show_manifest(identity_->signed_manifest());
  if (shared_ != nullptr) engine_->ledger().keep_setting(kManifestSetting, identity_->signed_manifest());
  masters_changed_ = true;
}

void Master::stop() {
  if (std::exchange(stopped_, true)) return;
  stage_ = Stage::kStopping;
  ::unlink((config_.sock_dir + "/master.json").c_str());
  if (operator_face_) operator_face_->stop_accepting();
  if (minion_face_) minion_face_->stop_accepting();
  if (engine_) engine_->refuse_new_jobs();
  if (engine_) engine_->stop();  // commits and acknowledges what was received; what comes now stays in the minions' journals
  if (minion_face_) gateway_.say_stopping();
  runner_thread_.stop();
  stop_returners();
  if (operator_face_) operator_face_->stop();
  if (minion_face_) minion_face_->stop();
  if (metrics_server_) metrics_server_->stop();
}

}  // namespace brine::master
