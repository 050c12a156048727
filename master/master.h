// A master, composed of its parts. main() builds it, runs it and takes it down.
//
// Order of life: metrics (not ready yet, says /readyz), pki, store, event bus, engine (reads the store, starts the ledger), returners,
// network faces; sock_dir/master.json appears when all of it serves. stop() goes the other way round: no new connections and jobs, minions
// are told, what was received is committed, returners finish their batch; metrics are served to the end.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task_loop.h"
#include "config/master_config.h"
#include "engine/engine.h"
#include "front/gateway.h"
#include "master/event_port.h"
#include "master/identity.h"
#include "master/notary.h"
#include "master/runners.h"
#include "metrics/http_server.h"
#include "metrics/loop_watch.h"
#include "metrics/registry.h"
#include "net/event_bus.h"
#include "net/face.h"
#include "net/tickets.h"
#include "returners/drain.h"
#include "store/shared_store.h"

namespace brine::master {

class Master {
 public:
  // Everything that can fail at start fails here, with the reason. Fills in the parts and starts them.
  static Result<std::unique_ptr<Master>> start(const config::MasterConfig& config);
  ~Master();

  // Once a second: renews manifest and ticket keys, takes what other masters have changed of them, looks whether the threads move.
  // kDenied: this master has been withdrawn, and must stop.
  Status tick();
  void stop();

  std::uint16_t port() const { return minion_face_->tcp_port(); }

 private:
  class EngineUpstream;
  class Members;

  explicit Master(const config::MasterConfig& config);
  enum class Stage : std::uint8_t { kStarting, kServing, kStopping };

  Status open_metrics();
  void declare_metrics();
  Status ready() const;
  Status open_store();
  Status judge_store();
  std::string key_copy_file() const;
  void keep_key_copy();
  Status open_identity();
  Status open_tickets();
  Status start_engine();
  Status start_returners();
  Result<returners::DrainOptions> drain_options(const config::ReturnerConfig& returner) const;
  bool delivers_to(const std::string& returner) const;
  void stop_returners();
  Status open_minion_face();
  Status join();
  std::string own_address() const;
  Status open_operator_face();
  Status announce() const;
  engine::EngineOptions engine_options() const;
  void keep_ticket_keys();
  Status read_shared();
  void take_ticket_keys(const std::string& shared);
  void refresh_manifest();
  void keep_syndics();
  void manifest_changed();
  void show_masters(const std::vector<store::MasterCard>& masters);

  const config::MasterConfig config_;
  SystemClock clock_;
  std::unique_ptr<store::StateStore> store_;
  store::SharedStore* shared_ = nullptr;  // store_, when other masters may write it too
  std::mutex identity_mutex_;
  std::unique_ptr<Identity> identity_;  // its manifest is guarded by identity_mutex_ once it serves
  std::unique_ptr<net::TicketKeeper> tickets_;
  std::unique_ptr<net::EventPublisher> event_bus_;
  std::unique_ptr<EventPort> events_;
  front::LoopGateway gateway_;
  std::unique_ptr<MasterNotary> notary_;
  std::vector<std::unique_ptr<returners::Drain>> drains_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<EngineUpstream> upstream_;
  std::shared_ptr<front::FrontContext> front_;
  std::unique_ptr<Members> members_;
  Runners runners_;
  TaskLoop runner_thread_{"runner", 1'000};
  std::unique_ptr<net::Face> minion_face_;
  std::unique_ptr<net::Face> operator_face_;
  std::atomic<Stage> stage_{Stage::kStarting};
  metrics::LoopWatch loop_watch_{clock_};
  metrics::Registry registry_;
  std::unique_ptr<metrics::HttpServer> metrics_server_;  // reads all of the above; null without metrics.listen
  bool stopped_ = false;
  MonoTime next_key_copy_{};
  std::uint64_t copied_revision_ = 0;
  std::uint64_t copied_epoch_ = 0;
  std::atomic<bool> draining_{false};
  std::atomic<bool> settings_changed_{true};
  std::atomic<bool> masters_changed_{false};
  std::map<std::string, UnixMicros> shown_masters_;  // of the engine's thread: address and begin of those that minions were told
  std::string manifest_trouble_;                     // told once
  std::optional<std::uint64_t> syndics_revision_;    // of the keys, when the manifest last named all syndics
  std::string syndics_trouble_;                      // told once
};

}  // namespace brine::master
