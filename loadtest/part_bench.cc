// Benchmarks of parts: handshakes (cryptography and codec, no sockets), durable returns (ledger and sqlite, on the disk), the JSON that a
// returner sends, and reading the mine of 10,000 minions. usage: brine-part-bench STATE_FOLDER. Prints one JSON object.
#include <cstdio>
#include <ctime>

#include "loadtest/ledger_bench.h"
#include "mine/index.h"
#include "net/handshake.h"
#include "returners/returner.h"
#include "store/sqlite_store.h"
#include "target/index.h"
#include "wire/frame.h"

namespace {

using namespace brine;
using loadtest::require;

constexpr int kHandshakes = 3'000;
constexpr int kTexts = 200'000;
constexpr int kMined = 10'000;
constexpr int kMineReads = 100;

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
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

// Nanoseconds of CPU for the JSON of one return.
double return_json_ns() {
  store::OutboxEntry entry;
  entry.position = 1;
  entry.function = "test.ping";
  entry.value.jid = JobId::trusted("20261128030118000000");
  entry.value.minion = MinionId::trusted("sim12345");
  entry.value.success = true;
  entry.value.payload = R"({"pid": 4711, "retcode": 0, "stdout": "up 2 days,  3:04,  1 user,  load average: 0.08, 0.03", "stderr": ""})";
  entry.value.received = 1'790'000'001'000'000;
  std::size_t bytes = 0;
  const double start = cpu_seconds();
  for (int i = 0; i < kTexts; ++i) bytes += returners::to_json(entry, "master1").size();
  require(bytes > 0, "no text");
  return (cpu_seconds() - start) * 1e9 / kTexts;
}

// Microseconds of CPU for each entry of an answer to mine.get '*' NAME, target and text included; with allow, by a minion that may read
// them.
double mine_get_us(const std::string& allow) {
  target::Index minions;
  mine::Index entries;
  for (int i = 0; i < kMined; ++i) {
    const MinionId id = MinionId::trusted("minion-" + std::to_string(100'000 + i) + ".example.com");
    minions.upsert(id);
    entries.put({id, "addr", "\"10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ":9100\"", allow, 1});
  }
  const auto everyone = target::parse(target::Kind::kGlob, "*");
  const target::MinionView reader{.id = "proxy1.example.com"};
  std::size_t bytes = 0;
  const double start = cpu_seconds();
  for (int i = 0; i < kMineReads; ++i) bytes += entries.json("addr", minions.resolve(*everyone), &reader, 8U << 20)->size();
  require(bytes > std::size_t{kMineReads} * kMined * 40, "entries are missing");
  return (cpu_seconds() - start) * 1e6 / kMineReads / kMined;
}

}  // namespace

int main(int argc, char** argv) {
  require(argc == 2, "usage: brine-part-bench STATE_FOLDER");
  Town town;
  const double full = handshakes_per_second(town, false);
  const double resumed = handshakes_per_second(town, true);
  const auto store = store::open_sqlite_store({.folder = argv[1]});
  require(store.has_value(), "cannot open the store");
  const loadtest::LedgerFigures ledger = loadtest::measure_ledger(**store);
  std::printf(
      "{\"handshakes_full\": %.0f, \"handshakes_resumed\": %.0f, \"durable_returns\": %.0f, \"us_per_return\": %.2f, \"return_json_ns\": "
      "%.0f, \"mine_get_us\": %.3f, \"mine_get_allowed_us\": %.3f}\n",
      full, resumed, ledger.returns_per_second, ledger.us_per_return, return_json_ns(), mine_get_us(""), mine_get_us("glob proxy*"));
  return 0;
}
