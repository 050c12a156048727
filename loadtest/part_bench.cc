// Benchmarks of parts: handshakes (cryptography and codec, no sockets), durable returns (ledger and sqlite, on the disk), and the JSON that a
// returner sends.
// usage: brine-part-bench STATE_FOLDER. Prints one JSON object.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "engine/ledger.h"
#include "net/handshake.h"
#include "returners/returner.h"
#include "store/sqlite_store.h"
#include "wire/frame.h"

namespace {

using namespace brine;

constexpr int kHandshakes = 3'000;
constexpr int kMinions = 10'000;
constexpr int kJobs = 30;
constexpr int kTexts = 200'000;
constexpr std::size_t kPerCall = 64;  // returns handed over at once, as a loop does after one turn

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "brine-part-bench: %s\n", what);
  std::exit(1);
}

struct Town {
  SystemClock clock;
  net::SigningKey root = net::SigningKey::generate();
  net::SigningKey master = net::SigningKey::generate();
  net::SigningKey minion = net::SigningKey::generate();
  net::TicketKeeper tickets{milliseconds(3'600'000)};
  std::shared_ptr<const net::ServerIdentity> identity;

  Town() {
    tickets.rotate(clock.unix_now());
    wire::Manifest manifest;
    manifest.root = root.public_key();
    manifest.epoch = 1;
    manifest.issued = clock.unix_now();
    manifest.not_after = manifest.issued + 86'400'000'000;
    manifest.members.push_back({master.public_key(), std::string(32, 'w'), wire::Role::kMaster, "bench", 1, manifest.not_after});
    identity = std::make_shared<const net::ServerIdentity>(
        net::ServerIdentity{master, net::sha256(root.public_key()), encode(net::sign_manifest(root, manifest)), 1});
  }
};

std::string_view body(const std::string& frame) { return std::string_view(frame).substr(wire::kFrameHeader); }

// Handshakes per second of the master's CPU; the minion's half runs between and is not counted.
double handshakes_per_second(Town& town, bool resumed) {
  net::Trust trust("");
  std::optional<net::HeldTicket> ticket;
  double spent = 0;
  for (int i = 0; i < kHandshakes; ++i) {
    net::ClientOptions options;
    options.id = MinionId::trusted("m1");
    if (resumed) options.ticket = ticket;
    net::ClientHandshake client(town.minion, trust, options);
    double start = cpu_seconds();
    net::ServerHandshake server(town.identity, town.tickets);
    require(server.begin(body(client.hello()), town.clock.unix_now()).has_value(), "the hello was refused");
    const auto reply = server.reply();
    spent += cpu_seconds() - start;
    const auto step = client.finish(body(*reply), town.clock.unix_now());
    require(step.has_value(), "the minion refused the master");
    start = cpu_seconds();
    const auto peer = server.finish(body(step->finish_frame));
    require(peer.has_value() && peer->resumed == (resumed && i > 0), "the handshake did not end as it should");
    spent += cpu_seconds() - start;
    if (!ticket || resumed) {
      const net::TicketContent content{MinionId::trusted("m1"), net::sha256(town.minion.public_key()), 1, 1, town.clock.unix_now(),
                                       milliseconds(3'600'000), step->keys.resumption_secret};
      ticket = net::HeldTicket{town.tickets.seal(content), step->keys.resumption_secret, town.clock.now() + seconds(3'600)};
    }
  }
  return kHandshakes / spent;
}

// Returns per second from the ledger's queue to the acknowledgement, each batch synced.
double durable_returns_per_second(const std::string& folder) {
  SystemClock clock;
  auto store = store::open_sqlite_store({.folder = folder});
  require(store.has_value(), "cannot open the store");
  std::vector<std::shared_ptr<store::JobRecord>> jobs;
  store::Batch batch;
  for (int j = 0; j < kJobs; ++j) {
    auto job = std::make_shared<store::JobRecord>();
    job->jid = job_id_at(clock.unix_now() + j);
    job->submission.bytes[0] = static_cast<std::uint8_t>(j);
    job->function = "test.ping";
    job->arguments = "{}";
    job->target_kind = "glob";
    job->target = "*";
    job->issued = clock.unix_now();
    job->not_after = job->issued + 60'000'000;
    job->forget_at = job->issued + 86'400'000'000;
    job->signed_job = std::string(300, 's');
    job->signature = std::string(64, 's');
    for (int m = 0; m < kMinions; ++m) {
      char id[32];
      std::snprintf(id, sizeof id, "minion-%05d.example", m);
      job->expected.push_back(MinionId::trusted(id));
    }
    jobs.push_back(job);
    batch.jobs.push_back(*job);
  }
  require((*store)->commit(batch).has_value(), "cannot publish");

  std::atomic<std::size_t> committed{0};
  engine::Ledger ledger(**store, clock, {},
                        {.returned = [&](std::vector<engine::CommittedReturn> returns) { committed += returns.size(); },
                         .fed = [](std::vector<store::FeedEntry>) {},
                         .outbox_grew = [] {},
                         .outbox_dropped = [](std::uint64_t) {}});
  const auto feed = (*store)->feed_end();
  ledger.start(*feed);
  std::vector<int> order(kMinions);
  std::iota(order.begin(), order.end(), 0);
  const MonoTime start = clock.now();
  for (const auto& job : jobs) {
    for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[net::random_below(i + 1)]);
    for (std::size_t at = 0; at < order.size();) {
      std::vector<engine::PendingReturn> returns;
      for (; at < order.size() && returns.size() < kPerCall; ++at) {
        store::ReturnRecord record;
        record.jid = job->jid;
        record.minion = job->expected[static_cast<std::size_t>(order[at])];
        record.success = true;
        record.payload = "\"" + std::string(280, 'x') + "\"";
        returns.push_back({{}, std::move(record)});
      }
      while (!ledger.add_returns(std::move(returns))) std::this_thread::yield();
    }
  }
  while (committed < static_cast<std::size_t>(kJobs) * kMinions) std::this_thread::yield();
  const double seconds_spent = std::chrono::duration<double>(clock.now() - start).count();
  ledger.stop();
  return kJobs * kMinions / seconds_spent;
}

// Nanoseconds of CPU for the JSON of one return.
double return_json_ns() {
  store::OutboxEntry entry;
  entry.position = 1;
  entry.function = "test.ping";
  entry.value.jid = JobId::trusted("20261128030118000000");
  entry.value.minion = MinionId::trusted("sim12345");
  entry.value.success = true;
  entry.value.payload = R"({"pid": 4711, "retcode": 0, "stdout": "up 2 days,  3:04,  1 user,  load average: 0.08, 0.03, 0.01", "stderr": ""})";
  entry.value.received = 1'790'000'001'000'000;
  std::size_t bytes = 0;
  const double start = cpu_seconds();
  for (int i = 0; i < kTexts; ++i) bytes += returners::to_json(entry, "master1").size();
  require(bytes > 0, "no text");
  return (cpu_seconds() - start) * 1e9 / kTexts;
}

}  // namespace

int main(int argc, char** argv) {
  require(argc == 2, "usage: brine-part-bench STATE_FOLDER");
  Town town;
  const double full = handshakes_per_second(town, false);
  const double resumed = handshakes_per_second(town, true);
  const double returns = durable_returns_per_second(argv[1]);
  std::printf("{\"handshakes_full\": %.0f, \"handshakes_resumed\": %.0f, \"durable_returns\": %.0f, \"return_json_ns\": %.0f}\n", full, resumed,
              returns, return_json_ns());
  return 0;
}
