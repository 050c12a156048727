#include "minion/daemon.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "base/crash_point.h"
#include "base/daemon.h"
#include "base/log.h"
#include "mine/access.h"
#include "minion/modules/all.h"
#include "minion/recovery.h"
#include "wire/session.h"

namespace brine::minion {
namespace {

constexpr milliseconds kLongestTurn{500};
constexpr seconds kCompactEvery{60};
constexpr milliseconds kAfterCancel{3'000};
constexpr std::size_t kMaxMineFile = 4U << 20;

}  // namespace

class Daemon::PoolExecutor final : public Executor {
 public:
  explicit PoolExecutor(Daemon& daemon)
      : daemon_(daemon), limit_(daemon.config_.job_queue_max + static_cast<std::size_t>(daemon.config_.process_count_max)) {}

  const Function* find(std::string_view function) const override { return daemon_.registry_.find(function); }
  std::size_t room() const override {
    const std::size_t taken = jobs_.size();
    return taken >= limit_ ? 0 : limit_ - taken;
  }
  void start(JobToRun job) override {
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    const JobId jid = job.jid;
    jobs_[jid] = cancelled;
    const bool taken = daemon_.pool_->try_run([daemon = &daemon_, job = std::move(job), cancelled] {
      const UnixMicros started = daemon->clock_.unix_now();
      const MonoTime begin = daemon->clock_.now();
      Outcome outcome = daemon->run_job(job, cancelled);
      const auto duration = std::chrono::duration_cast<microseconds>(daemon->clock_.now() - begin);
      daemon->finish({job.jid, std::move(outcome), started, duration, daemon->stopping_hard_ && cancelled->load()});
    });
    if (!taken) daemon_.finish({jid, {Json("The minion's queue is full."), 1}, 0, microseconds(0), false});
  }
  void cancel_all() override {
    for (const auto& [jid, cancelled] : jobs_) cancelled->store(true);
  }
  void forget(const JobId& jid) { jobs_.erase(jid); }

 private:
  Daemon& daemon_;
  const std::size_t limit_;
  std::map<JobId, std::shared_ptr<std::atomic<bool>>> jobs_;
};

class Daemon::GrainsText final : public GrainsSource {
 public:
  explicit GrainsText(const Grains& grains) : grains_(grains) {}
  std::string text() const override { return grains_.items().dump(-1, ' ', false, Json::error_handler_t::replace); }

 private:
  const Grains& grains_;
};

Daemon::Daemon(const config::MinionConfig& config)
    : config_(config),
      channel_({config.heartbeat, config.heartbeat_timeout, config.max_message, 1'000}),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Daemon::~Daemon() {
  if (executor_) executor_->cancel_all();
  mine_cancelled_->store(true);
  if (pool_) pool_->stop(kAfterCancel);
}

Result<std::unique_ptr<Daemon>> Daemon::start(const config::MinionConfig& config) {
  std::unique_ptr<Daemon> daemon(new Daemon(config));
  BRINE_TRY(make_folders(config.sock_dir, 0700));
  BRINE_TRY(daemon->open_metrics());
  BRINE_TRY(daemon->open_identity());
  BRINE_TRY(daemon->open_journal());
  daemon->build_functions();
  BRINE_TRY(daemon->build_mine());
  BRINE_TRY(daemon->build_agent());
  if (daemon->metrics_) daemon->metrics_->declare(*daemon->pool_, daemon->mine_counters_);
  BRINE_TRY(daemon->announce());
  return daemon;
}

// Before everything that takes time, so that who asks is told what the minion is at.
Status Daemon::open_metrics() {
  if (!config_.metrics.listen) return {};
  BRINE_LET(metrics_, MinionMetrics::open(config_, clock_, counters_));
  return {};
}

Status Daemon::open_identity() {
  BRINE_LET(pki_, net::PkiFolder::open(config_.pki_dir, "minion", config_.master_finger));
  if (pki_->manifest().empty() && config_.master_finger.empty() && !config_.join_token.empty())
    log::warning("no master_finger: whoever answers first gets the join token");
  return {};
}

Status Daemon::open_journal() {
  BRINE_TRY(make_folders(config_.spool.path, 0700));
  BRINE_LET(journal_, open_file_journal({config_.spool.path + "/journal", config_.spool.max_bytes}));
  std::vector<StartedCommand> leftover;
  for (const JournalEntry* entry : journal_->unfinished()) leftover.insert(leftover.end(), entry->commands.begin(), entry->commands.end());
  kill_leftover_commands(leftover);
  return {};
}

void Daemon::build_functions() {
  add_all_functions(registry_);
  GrainSources sources;
  sources.id = config_.id;
  sources.configured = Json::parse(config_.grains, nullptr, false);
  grains_ = std::make_unique<Grains>(std::move(sources));
  pool_ = std::make_unique<Pool>("job", static_cast<std::size_t>(config_.process_count_max), config_.job_queue_max);
}

// ---- mine ------------------------------------------------------------------------------------------------------------------

Result<std::vector<MineFunction>> Daemon::mine_functions() const {
  std::vector<MineFunction> functions;
  for (const config::MineFunction& configured : config_.mine_functions) {
    const std::string where = "mine_functions: " + configured.name;
    if (registry_.find(configured.function) == nullptr) {
      const std::vector<std::string> near = registry_.nearest(configured.function);
      return fail(Code::kInvalid, where + ": there is no function '" + configured.function + "'" +
                                      (near.empty() ? std::string() : "; did you mean " + near.front() + "?"));
    }
    MineFunction function{configured.name, configured.function, {}, {}, mine::access_text(configured.allow_tgt_type, configured.allow_tgt)};
    if (auto access = mine::Access::parse(function.allow); !access) return fail(std::move(access.error()), where + ": allow_tgt");
    function.args = Json::parse(configured.args).get<std::vector<Json>>();
    function.kwargs = Json::parse(configured.kwargs).get<std::map<std::string, Json>>();
    functions.push_back(std::move(function));
  }
  return functions;
}

Status Daemon::build_mine() {
  BRINE_LET(std::vector<MineFunction> functions, mine_functions());
  const std::string file = config_.cachedir + "/mine.json";
  const auto kept = read_file(file, kMaxMineFile);
  if (!kept && kept.error().code != Code::kNotFound) log::error("{}", kept.error().message);
  mine_ = std::make_unique<MineDesk>(
      MineKeeper::Parts{.clock = clock_,
                        .run = [this](const MineFunction& function) { return start_mine_function(function); },
                        .send = [this](const wire::SessionMessage& message) { return agent_->tell(message); },
                        .keep =
                            [file](const std::string& text) {
                              if (auto written = replace_file(file, text, 0600); !written) log::error("{}", written.error().message);
                            },
                        .counters = mine_counters_},
      std::move(functions), config_.mine_interval, kept ? *kept : std::string(), [this] { ::eventfd_write(wake_.get(), 1); });
  return {};
}

bool Daemon::start_mine_function(const MineFunction& function) {
  return pool_->try_run([this, function] {
    Call call = surroundings();
    call.cancelled = mine_cancelled_;
    mine_->computed(function.name, run_mine_function(function, call));
  });
}

// What every function finds, but for what it is called with.
Call Daemon::surroundings() {
  Call call;
  call.registry = &registry_;
  call.grains = grains_.get();
  call.running = &running_;
  call.mine = mine_.get();
  call.output_max = config_.cmd_output_max;
  return call;
}

Status Daemon::build_agent() {
  executor_ = std::make_unique<PoolExecutor>(*this);
  grains_text_ = std::make_unique<GrainsText>(*grains_);
  AgentOptions options;
  options.id = config_.id;
  options.join_token = config_.join_token;
  for (const config::Address& address : config_.master) options.masters.push_back(address.endpoint());
  options.recon_default = config_.recon_default;
  options.recon_max = config_.recon_max;
  options.rebalance_within = config_.rebalance_within;
  options.longest_wait = config_.acceptance_wait_time_max;
  agent_ = std::make_unique<Agent>(
      AgentParts{pki_->key(), pki_->trust(), link_, *journal_, *executor_, *grains_text_, *pki_, clock_, counters_, &mine_->keeper()},
      options, pki_->cookie());
  next_grains_ = clock_.now() + config_.grains_refresh_every;
  return agent_->report_interrupted();
}

Status Daemon::announce() const {
  const Json metrics_port = metrics_ ? Json(metrics_->port()) : Json(nullptr);
  const Json text{{"pid", ::getpid()},
                  {"id", config_.id.str()},
                  {"finger", net::fingerprint(pki_->key().public_key())},
                  {"metrics_port", metrics_port}};
  return replace_file(config_.sock_dir + "/minion.json", text.dump() + "\n", 0644);
}

// ---- jobs ------------------------------------------------------------------------------------------------------------------

Outcome Daemon::run_job(const JobToRun& job, const std::shared_ptr<std::atomic<bool>>& cancelled) {
  Call call = surroundings();
  call.jid = job.jid;
  call.function = job.function;
  call.args = job.args;
  call.kwargs = job.kwargs;
  call.cancelled = cancelled;
  call.command_started = [this, &job](const StartedCommand& command) {
    if (auto written = journal_->started(job.jid, command); !written) {
      log::error("cannot write down the command of {}: {}", job.jid.str(), written.error().message);
      return false;
    }
    BRINE_CRASH_POINT("minion.command_started");
    return true;
  };
  running_.add(call, clock_.unix_now());
  Outcome outcome = minion::run(registry_, call);
  running_.remove(job.jid);
  if (job.function == "saltutil.refresh_grains") grains_dirty_ = true;
  return outcome;
}

void Daemon::finish(Finished finished) {
  {
    std::lock_guard lock(mutex_);
    finished_.push_back(std::move(finished));
  }
  ::eventfd_write(wake_.get(), 1);
}

void Daemon::take_finished() {
  eventfd_t ignored = 0;
  ::eventfd_read(wake_.get(), &ignored);
  std::vector<Finished> finished;
  {
    std::lock_guard lock(mutex_);
    finished.swap(finished_);
  }
  for (const Finished& value : finished) {
    executor_->forget(value.jid);
    agent_->on_done(value.jid, value.outcome, value.started, value.duration, value.interrupted);
  }
}

// ---- life ------------------------------------------------------------------------------------------------------------------

void Daemon::turn() {
  const MonoTime now = clock_.now();
  const MonoTime next = std::min({agent_->next_tick(), mine_->keeper().next_tick(), now + kLongestTurn});
  const auto until_tick = std::chrono::duration_cast<milliseconds>(next - now);
  const auto events = channel_.poll(wake_.get(), std::clamp(until_tick, milliseconds(0), kLongestTurn));
  if (metrics_) metrics_->turn_begins();
  work(events);
  if (metrics_) metrics_->turn_ends(*agent_, *journal_);
}

void Daemon::work(const net::DealerChannel::Events& events) {
  if (events.connected) agent_->on_connected();
  for (const std::string& frame : events.frames) agent_->on_frame(frame);
  if (events.lost) agent_->on_lost();
  if (events.woken) take_finished();
  agent_->on_tick();
  mine_->work();
  agent_->flush();
  if (config_.grains_refresh_every > milliseconds(0) && clock_.now() >= next_grains_) {
    next_grains_ = clock_.now() + config_.grains_refresh_every;
    grains_->refresh();
    grains_dirty_ = true;
  }
  if (grains_dirty_.exchange(false)) {
    agent_->grains_changed();
    mine_->keeper().grains_changed();
  }
  if (clock_.now() >= next_compact_) {
    next_compact_ = clock_.now() + kCompactEvery;
    if (auto compacted = journal_->compact(agent_->master_now()); !compacted) log::error("{}", compacted.error().message);
  }
}

void Daemon::run() {
  while (!wait_for_stop(milliseconds(0))) turn();
  stop();
}

// What runs may finish within the deadline; what does not is killed and reported as interrupted; what is not acknowledged stays in
// the journal for the next life.
void Daemon::stop() {
  log::info("stopping");
  if (metrics_) metrics_->stopping();
  agent_->stop();
  const MonoTime deadline = clock_.now() + config_.shutdown_deadline;
  while (!agent_->idle() && clock_.now() < deadline) turn();
  if (!agent_->idle()) {
    stopping_hard_ = true;
    executor_->cancel_all();
    const MonoTime last = clock_.now() + kAfterCancel;
    while (!agent_->idle() && clock_.now() < last) turn();
  }
  ::unlink((config_.sock_dir + "/minion.json").c_str());
}

}  // namespace brine::minion
