// A syndic, composed of its parts: a front towards minions, a relay behind it, one session upwards. main() builds it and runs it.
//
// Threads: "main" (the session upwards and the relay), "face-N" (the front's loops), "spool", libzmq's two, and with metrics.listen three
// that serve /metrics. Minions are served from the moment on that the manifest names this syndic: sock_dir/syndic.json appears then.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "base/task_loop.h"
#include "config/syndic_config.h"
#include "front/gateway.h"
#include "front/minion_front.h"
#include "metrics/http_server.h"
#include "metrics/loop_watch.h"
#include "metrics/registry.h"
#include "net/channel_link.h"
#include "net/face.h"
#include "net/master_session.h"
#include "net/pki_folder.h"
#include "net/tickets.h"
#include "store/return_spool.h"
#include "syndic/relay.h"
#include "syndic/spool_writer.h"
#include "syndic/uplink_counters.h"

namespace brine::syndic {

// The masters' time, once it is known: what minions are told, and what tickets are dated by. Thread-safe.
class MastersClock final : public Clock {
 public:
  MonoTime now() const override { return system_.now(); }
  UnixMicros unix_now() const override { return system_.unix_now() + ahead_.load(std::memory_order_relaxed); }
  void set(UnixMicros masters) { ahead_ = masters - system_.unix_now(); }

 private:
  SystemClock system_;
  std::atomic<UnixMicros> ahead_{0};
};

class Syndic final : private net::MasterSession::Owner {
 public:
  static Result<std::unique_ptr<Syndic>> start(const config::SyndicConfig& config);
  ~Syndic() override;

  // Runs until stop is requested (SIGTERM) and what was accepted is handed over, or its time is over. An error: it cannot serve.
  Status run();

 private:
  explicit Syndic(const config::SyndicConfig& config);
  Status open_metrics();
  void declare_metrics();
  Status ready() const;
  void build_relay();
  void build_session();
  Status open_face();
  Status serve_if_named();
  Status announce() const;
  Status turn();
  void send_up();
  void tick();
  void show_identity();
  void stop();

  // net::MasterSession::Owner
  wire::JournalMark journal() const override { return {}; }
  void on_open(const wire::Welcome& welcome) override;
  bool on_message(wire::SessionMessage&& message) override;
  void on_end() override;
  void on_manifest(const std::string& manifest) override;
  void count(net::ConnectFailure failure) override;
  void count(net::SessionEnd end) override { uplink_.add(end); }

  const config::SyndicConfig config_;
  SystemClock clock_;
  MastersClock masters_clock_;
  std::unique_ptr<net::PkiFolder> pki_;
  net::TicketKeeper tickets_;
  net::DealerChannel channel_;
  net::ChannelLink link_{channel_};
  UplinkCounters uplink_;
  std::unique_ptr<net::MasterSession> session_;
  Fd wake_;
  TaskLoop loop_;
  front::LoopGateway gateway_;
  std::unique_ptr<store::ReturnSpool> spool_;
  std::unique_ptr<SpoolWriter> writer_;
  RelayCounters counters_;
  std::unique_ptr<Relay> relay_;
  std::shared_ptr<front::FrontContext> front_;
  std::unique_ptr<net::Face> face_;  // null until the manifest names this syndic
  bool manifest_is_new_ = false;
  UnixMicros attached_at_ = 0;
  std::string broken_;  // why the session upwards has to end
  mutable std::mutex trouble_mutex_;
  std::string trouble_;  // of the session upwards, for /readyz; guarded by trouble_mutex_
  std::atomic<bool> stopping_{false};
  metrics::LoopWatch loop_watch_{clock_};
  metrics::Registry registry_;
  std::unique_ptr<metrics::HttpServer> metrics_server_;  // reads all of the above; null without metrics.listen
};

}  // namespace brine::syndic
