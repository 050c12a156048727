// Two masters, without minions and operators, on one Redis: how fast returns are stored there, how long a job takes from one to the other,
// and how long a return takes back. usage: brine-redis-bench ADDRESS (as state.url). The Redis has to be empty. Prints one JSON object.
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "loadtest/ledger_bench.h"
#include "store/redis_store.h"

namespace {

using namespace brine;
using loadtest::require;

constexpr int kJobs = 2'000;
constexpr const char* kMinion = "m1";

// A time that another thread brings.
class Moment {
 public:
  explicit Moment(const Clock& clock) : clock_(clock) {}
  void begin() { came_ = std::promise<MonoTime>(); }
  void comes() { came_.set_value(clock_.now()); }
  MonoTime wait() { return came_.get_future().get(); }

 private:
  const Clock& clock_;
  std::promise<MonoTime> came_;
};

class BenchGateway final : public engine::Gateway {
 public:
  explicit BenchGateway(const Clock& clock) : sent(clock) {}
  void deliver(std::shared_ptr<const store::JobRecord>, std::vector<Recipient>) override { sent.comes(); }
  void acknowledge(std::vector<Acknowledgement>) override {}
  void end_session(engine::SessionRef, engine::GoodbyeReason, std::string) override {}
  void job_closed(const JobId&) override {}
  Moment sent;
};

class BenchNotary final : public engine::Notary {
 public:
  Status sign_job(store::JobRecord& job) override {
    job.signed_job = std::string(300, 's');
    job.signature = std::string(64, 's');
    return {};
  }
  void sign_key(std::string_view, std::string& signer, std::string& signature) override { signer = signature = "signed"; }
  bool verify_key(std::string_view, const std::string&, const std::string&) const override { return true; }
  bool fits(const JoinToken&, std::string_view) const override { return false; }
};

class NoEvents final : public engine::EventSink {
 public:
  bool wanted() const override { return false; }
  void publish(std::string_view, std::string, engine::Origin) override {}
};

class BenchWatcher final : public engine::Watcher {
 public:
  explicit BenchWatcher(Moment& told) : told_(told) {}
  void returned(const store::ReturnRecord&) override { told_.comes(); }
  void finished(const std::vector<engine::MissingMinion>&) override {}
  bool gone() const override { return false; }

 private:
  Moment& told_;
};

std::unique_ptr<store::SharedStore> open(const std::string& url, const char* cluster) {
  auto store = store::open_redis_store({.url = url, .cluster = cluster, .patience = milliseconds(10'000)});
  if (!store) std::fprintf(stderr, "%s\n", store.error().message.c_str());
  require(store.has_value(), "cannot open the store");
  return std::move(*store);
}

// An engine among others.
class BenchMaster {
 public:
  BenchMaster(const std::string& url, const std::string& id) : store(open(url, "feed")), gateway(clock) {
    engine::EngineOptions options;
    options.keys.auto_accept = true;
    engine = std::make_unique<engine::Engine>(*store, gateway, notary, events, clock, options, [] {});
    engine::PeerOptions peers;
    peers.self.id = id;
    engine->share(*store, std::move(peers), {.masters = [](const auto&) {}, .setting = [](const auto&) {}, .connected = [](bool) {}});
    require(engine->start().has_value() && engine->join(id + ":1").has_value(), "a master does not start");
  }
  ~BenchMaster() { engine->stop(); }

  void connect() {
    std::promise<engine::Admission> answer;
    engine->admit({MinionId::trusted(kMinion), "key", false, 0, "127.0.0.1", {}},
                  [&](engine::Admission admission) { answer.set_value(std::move(admission)); });
    const engine::Admission admission = answer.get_future().get();
    require(admission.verdict == engine::Verdict::kAccepted, "the minion is not accepted");
    engine->session_opened({kSession, MinionId::trusted(kMinion), 1, "{}", {}, "127.0.0.1", admission.key_version});
  }
  bool knows_minion() {
    std::promise<bool> answer;
    engine->ask([&](const engine::Engine::View& view) {
      const engine::Minion* minion = view.roster.find(MinionId::trusted(kMinion));
      answer.set_value(minion != nullptr && (minion->session || !minion->elsewhere.empty()));
    });
    return answer.get_future().get();
  }
  // The jid, and the moment at which it is told.
  std::pair<JobId, MonoTime> submit(int number, std::shared_ptr<engine::Watcher> watcher) {
    engine::Submission submission;
    for (std::size_t i = 0; i < 4; ++i) submission.id.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
    submission.target_kind = "list";
    submission.target = kMinion;
    submission.function = "test.ping";
    submission.arguments = R"({"args":[],"kwargs":{}})";
    std::promise<std::pair<JobId, MonoTime>> answer;
    engine->submit(std::move(submission), std::move(watcher), [&](Result<engine::Submitted> result) {
      require(result.has_value(), "a job is not accepted");
      answer.set_value({result->jid, clock.now()});
    });
    return answer.get_future().get();
  }
  void give_back(const JobId& jid) {
    store::ReturnRecord record;
    record.jid = jid;
    record.minion = MinionId::trusted(kMinion);
    record.success = true;
    record.payload = "true";
    std::vector<engine::PendingReturn> returns{{kSession, std::move(record)}};
    require(engine->add_returns(std::move(returns)), "a return is not taken");
  }

  static constexpr engine::SessionRef kSession{0, 1};
  SystemClock clock;
  std::unique_ptr<store::SharedStore> store;
  BenchGateway gateway;
  BenchNotary notary;
  NoEvents events;
  std::unique_ptr<engine::Engine> engine;
};

// Milliseconds.
class Times {
 public:
  void add(MonoTime from, MonoTime to) { values_.push_back(std::chrono::duration<double, std::milli>(to - from).count()); }
  void print(const char* name) {
    std::sort(values_.begin(), values_.end());
    const auto at = [&](double q) { return values_[static_cast<std::size_t>(q * static_cast<double>(values_.size() - 1))]; };
    std::printf(", \"%s_p50_ms\": %.3f, \"%s_p99_ms\": %.3f", name, at(0.5), name, at(0.99));
  }

 private:
  std::vector<double> values_;
};

// Jobs of one master, one after the other, for a minion of another (or of its own), and what comes back.
void measure_ways(BenchMaster& from, BenchMaster& to, int first, const std::string& name) {
  Times accepted, sent, told;
  for (int i = 0; i < kJobs; ++i) {
    Moment back(from.clock);
    back.begin();
    to.gateway.sent.begin();
    const MonoTime begun = from.clock.now();
    const auto [jid, at] = from.submit(first + i, std::make_shared<BenchWatcher>(back));
    const MonoTime sent_at = to.gateway.sent.wait();
    accepted.add(begun, at);
    sent.add(at, sent_at);
    const MonoTime returned = to.clock.now();
    to.give_back(jid);
    told.add(returned, back.wait());
  }
  accepted.print((name + "_submit_to_accept").c_str());
  sent.print((name + "_accept_to_send").c_str());
  told.print((name + "_return_to_told").c_str());
}

}  // namespace

int main(int argc, char** argv) {
  require(argc == 2, "usage: brine-redis-bench ADDRESS");
  ::signal(SIGPIPE, SIG_IGN);
  const std::string url = argv[1];
  const auto store = open(url, "ledger");
  const loadtest::LedgerFigures ledger = loadtest::measure_ledger(*store);
  std::printf("{\"durable_returns\": %.0f, \"us_per_return\": %.2f", ledger.returns_per_second, ledger.us_per_return);
  BenchMaster a(url, "a");
  BenchMaster b(url, "b");
  b.connect();
  const auto deadline = std::chrono::steady_clock::now() + seconds(30);
  while (!a.knows_minion() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(milliseconds(10));
  require(a.knows_minion() && b.knows_minion(), "a does not hear of the minion of b");
  measure_ways(a, b, 1, "other");
  measure_ways(b, b, 1 + kJobs, "own");
  std::printf("}\n");
  return 0;
}
