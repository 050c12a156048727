#include "syndic/syndic.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <utility>

#include "base/daemon.h"
#include "base/log.h"
#include "front/minion_face.h"
#include "metrics/process_metrics.h"
#include "net/attachment.h"
#include "net/face_loop.h"
#include "syndic/syndic_metrics.h"

namespace brine::syndic {
namespace {

constexpr milliseconds kLongestTurn{500};
constexpr milliseconds kTick{1'000};
constexpr std::size_t kTasks = 100'000;

}  // namespace

Syndic::Syndic(const config::SyndicConfig& config)
    : config_(config),
      tickets_(std::chrono::duration_cast<milliseconds>(config.ticket_life)),
      channel_({config.heartbeat, config.heartbeat_timeout, config.max_message, 1'000}),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      loop_("relay", kTasks) {}

Syndic::~Syndic() {
  if (face_) face_->stop();
  if (writer_) writer_->stop();
  if (metrics_server_) metrics_server_->stop();
}

Result<std::unique_ptr<Syndic>> Syndic::start(const config::SyndicConfig& config) {
  std::unique_ptr<Syndic> syndic(new Syndic(config));
  BRINE_TRY(make_folders(config.sock_dir, 0700));
  BRINE_TRY(syndic->open_metrics());
  BRINE_LET(syndic->pki_, net::PkiFolder::open(config.pki_dir, "syndic", config.master_finger));
  auto spool = store::open_return_spool({config.spool.path, config.spool.max_bytes});
  if (!spool) return fail(spool.error(), "spool.path " + config.spool.path);
  syndic->spool_ = std::move(*spool);
  syndic->build_relay();
  syndic->build_session();
  BRINE_TRY(syndic->serve_if_named());
  return syndic;
}

// Before everything that takes time, so that who asks is told what the syndic is at.
Status Syndic::open_metrics() {
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

Status Syndic::ready() const {
  if (stopping_) return fail(Code::kUnavailable, "the syndic is stopping");
  if (counters_.connected) return {};
  const std::scoped_lock guard(trouble_mutex_);
  return fail(Code::kUnavailable, "no session with a master" + (trouble_.empty() ? "" : ": " + trouble_));
}

void Syndic::build_relay() {
  loop_.set_wake([this] { ::eventfd_write(wake_.get(), 1); });
  loop_.start_by_hand(kTick, [this] { tick(); }, clock_);
  writer_ = std::make_unique<SpoolWriter>(*spool_, gateway_, [this](std::vector<store::SpooledReturn> returns) {
    loop_.post([this, returns = std::move(returns)]() mutable { relay_->stored(std::move(returns)); });
  });
  RelayOptions options;
  options.enrolment_cache = config_.enrolment_cache;
  relay_ = std::make_unique<Relay>(Relay::Parts{loop_, gateway_, *writer_, *spool_, clock_, counters_}, options);
  writer_->start();
}

void Syndic::build_session() {
  net::SessionOptions options;
  options.id = config_.id;
  options.purpose = wire::Purpose::kSyndic;
  options.instance = net::random_u64();
  for (const config::Address& address : config_.syndic_master) options.masters.push_back(address.endpoint());
  options.recon_default = config_.recon_default;
  options.recon_max = config_.recon_max;
  options.rebalance_within = config_.rebalance_within;
  options.longest_wait = config_.acceptance_wait_time_max;
  session_ = std::make_unique<net::MasterSession>(net::MasterSession::Parts{pki_->key(), pki_->trust(), link_, *pki_, clock_}, options,
                                                  pki_->cookie(), static_cast<net::MasterSession::Owner&>(*this));
}

// ---- downwards -------------------------------------------------------------------------------------------------------------

Status Syndic::serve_if_named() {
  if (face_ || !pki_->trust().speaks(pki_->key().public_key(), wire::Role::kSyndic, clock_.unix_now())) return {};
  BRINE_TRY(open_face());
  face_->start();
  log::info("serving minions on port {}", face_->tcp_port());
  return announce();
}

Status Syndic::open_face() {
  front_ = front::make_front_context(config_);
  front_->upstream = relay_.get();
  front_->tickets = &tickets_;
  front_->clock = &masters_clock_;
  front_->syndic = true;
  show_identity();
  tickets_.rotate_if_due(masters_clock_.unix_now());
  BRINE_LET(face_, front::open_minion_face(config_, front_, gateway_));
  declare_metrics();
  return {};
}

void Syndic::declare_metrics() {
  if (!metrics_server_) return;
  for (std::size_t i = 0; i < face_->loop_count(); ++i)
    loop_watch_.add_loop("face-" + std::to_string(i), [loop = &face_->loop(i)](auto task) { loop->post(std::move(task)); });
  loop_watch_.add_thread("spool", [this] { return writer_->counters().turns.load(std::memory_order_relaxed); });
  loop_watch_.declare(registry_, "brine_syndic");
  declare_syndic_metrics(registry_, {counters_, uplink_, *writer_, *spool_, *front_, *face_, config_});
}

// sock_dir/syndic.json tells scripts where we are.
Status Syndic::announce() const {
  const std::string metrics_port = metrics_server_ ? std::to_string(metrics_server_->port()) : "null";
  const std::string text =
      fmt::format("{{\"finger\":\"{}\",\"id\":\"{}\",\"metrics_port\":{},\"pid\":{},\"ret_port\":{}}}\n",
                  net::fingerprint(pki_->key().public_key()), config_.id.str(), metrics_port, ::getpid(), face_->tcp_port());
  return replace_file(config_.sock_dir + "/syndic.json", text, 0644);
}

void Syndic::show_identity() {
  const net::Trust& trust = pki_->trust();
  front_->identity =
      std::make_shared<const net::ServerIdentity>(net::ServerIdentity{pki_->key(), trust.cluster_root(), pki_->manifest(), trust.epoch()});
}

// ---- upwards ---------------------------------------------------------------------------------------------------------------

void Syndic::on_open(const wire::Welcome& welcome) {
  ++uplink_.sessions;
  masters_clock_.set(welcome.master_time);
  std::optional<store::Attachment> own;
  if (pki_->trust().speaks(session_->peer_key(), wire::Role::kSyndic, clock_.unix_now())) {
    attached_at_ = std::max(session_->master_now(), attached_at_ + 1);
    own = net::attach(pki_->key(), config_.id, pki_->trust().cluster_root(), session_->peer_key(), attached_at_);
  }
  relay_->opened(std::move(own));
}

bool Syndic::on_message(wire::SessionMessage&& message) {
  const auto* relayed = std::get_if<wire::Relayed>(&message);
  if (relayed == nullptr) return false;
  auto taken = relay_->take(*relayed);
  if (!taken) log::error("what came from above cannot be used: {}", taken.error().message);
  return taken.has_value();
}

void Syndic::on_end() { relay_->closed(); }

void Syndic::on_manifest(const std::string&) { manifest_is_new_ = true; }

// No longer one of the cluster's: minions must not stay with it.
void Syndic::count(net::ConnectFailure failure) {
  uplink_.add(failure);
  const bool withdrawn = failure == net::ConnectFailure::kRejected || failure == net::ConnectFailure::kDenied;
  if (!withdrawn || !face_) return;
  log::error("the masters do not accept this syndic any more: its minions are sent away");
  gateway_.say_stopping();
}

void Syndic::send_up() {
  while (session_->open()) {
    auto message = relay_->next();
    if (!message) return;
    wire::Relayed relayed = pack(*message, config_.compress);
    counters_.bytes_up += relayed.data.size();
    counters_.plain_up += relayed.size;
    session_->send(std::move(relayed));
  }
}

// ---- life ------------------------------------------------------------------------------------------------------------------

Status Syndic::turn() {
  const MonoTime now = clock_.now();
  const auto until_tick = std::chrono::duration_cast<milliseconds>(std::min(session_->next_tick(), now + kLongestTurn) - now);
  const auto events = channel_.poll(wake_.get(), std::clamp(until_tick, milliseconds(0), kLongestTurn));
  if (events.connected) session_->on_connected();
  for (const std::string& frame : events.frames) session_->on_frame(frame);
  if (events.lost) session_->on_lost();
  if (events.woken) {
    eventfd_t ignored = 0;
    ::eventfd_read(wake_.get(), &ignored);
  }
  loop_.turn();
  session_->on_tick();
  send_up();
  if (!std::exchange(manifest_is_new_, false)) return {};
  BRINE_TRY(serve_if_named());
  if (face_) show_identity();
  if (face_) gateway_.show_manifest(pki_->manifest());
  return {};
}

void Syndic::tick() {
  loop_watch_.look();
  if (face_) tickets_.rotate_if_due(masters_clock_.unix_now());
  const std::scoped_lock guard(trouble_mutex_);
  trouble_ = session_->trouble();
}

Status Syndic::run() {
  while (!wait_for_stop(milliseconds(0))) BRINE_TRY(turn());
  stop();
  return {};
}

// Minions go elsewhere; what they have returned goes up as far as the time allows, the rest stays in the spool for the next life.
void Syndic::stop() {
  log::info("stopping");
  stopping_ = true;
  ::unlink((config_.sock_dir + "/syndic.json").c_str());
  if (face_) face_->stop_accepting();
  if (face_) gateway_.say_stopping();
  const MonoTime deadline = clock_.now() + config_.shutdown_deadline;
  while (session_->open() && clock_.now() < deadline && !(relay_->drained() && writer_->waiting() == 0)) {
    if (!turn()) break;
  }
  if (face_) face_->stop();
  session_->stop();
}

}  // namespace brine::syndic
