#include "loadtest/ledger_bench.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "engine/ledger.h"

namespace brine::loadtest {
namespace {

constexpr int kMinions = 10'000;
constexpr int kJobs = 30;
constexpr std::size_t kPerCall = 64;  // returns handed over at once, as a loop does after one turn

std::shared_ptr<store::JobRecord> job_number(int number, UnixMicros now) {
  auto job = std::make_shared<store::JobRecord>();
  job->jid = job_id_at(now + number);
  job->submission.bytes[0] = static_cast<std::uint8_t>(number);
  job->function = "test.ping";
  job->arguments = "{}";
  job->target_kind = "glob";
  job->target = "*";
  job->issued = now;
  job->not_after = job->issued + 60'000'000;
  job->forget_at = job->issued + 86'400'000'000;
  job->signed_job = std::string(300, 's');
  job->signature = std::string(64, 's');
  for (int m = 0; m < kMinions; ++m) {
    char id[32];
    std::snprintf(id, sizeof id, "minion-%05d.example", m);
    job->expected.push_back(MinionId::trusted(id));
  }
  return job;
}

void hand_over(engine::Ledger& ledger, const store::JobRecord& job, const std::vector<std::size_t>& order) {
  for (std::size_t at = 0; at < order.size();) {
    std::vector<engine::PendingReturn> returns;
    for (; at < order.size() && returns.size() < kPerCall; ++at) {
      store::ReturnRecord record;
      record.jid = job.jid;
      record.minion = job.expected[order[at]];
      record.success = true;
      record.payload = "\"" + std::string(280, 'x') + "\"";
      returns.push_back({{}, std::move(record)});
    }
    // What was not taken was not moved either.
    while (!ledger.add_returns(std::move(returns))) std::this_thread::yield();  // NOLINT(bugprone-use-after-move)
  }
}

}  // namespace

void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "benchmark: %s\n", what);
  std::exit(1);
}

double cpu_seconds_of_process() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

LedgerFigures measure_ledger(store::StateStore& store) {
  SystemClock clock;
  std::vector<std::shared_ptr<store::JobRecord>> jobs;
  store::Batch batch;
  for (int i = 0; i < kJobs; ++i) {
    jobs.push_back(job_number(i, clock.unix_now()));
    batch.jobs.push_back(*jobs.back());
  }
  require(store.commit(batch).has_value(), "cannot publish");

  std::atomic<std::size_t> committed{0};
  engine::Ledger ledger(store, clock, {},
                        {.returned = [&](std::vector<engine::CommittedReturn> returns) { committed += returns.size(); },
                         .fed = [](std::vector<store::FeedEntry>) {},
                         .outbox_grew = [] {},
                         .outbox_dropped = [](std::uint64_t) {}});
  const auto feed = store.feed_end();
  require(feed.has_value(), "cannot read the feed");
  ledger.start(*feed);
  std::vector<std::size_t> order(kMinions);
  std::iota(order.begin(), order.end(), 0U);
  std::mt19937 chance(1);
  const MonoTime start = clock.now();
  const double cpu = cpu_seconds_of_process();
  for (const auto& job : jobs) {
    std::shuffle(order.begin(), order.end(), chance);
    hand_over(ledger, *job, order);
  }
  constexpr std::size_t kReturns = static_cast<std::size_t>(kJobs) * kMinions;
  while (committed < kReturns) std::this_thread::sleep_for(milliseconds(1));
  LedgerFigures figures;
  figures.returns_per_second = kReturns / std::chrono::duration<double>(clock.now() - start).count();
  figures.us_per_return = (cpu_seconds_of_process() - cpu) * 1e6 / kReturns;
  ledger.stop();
  return figures;
}

}  // namespace brine::loadtest
