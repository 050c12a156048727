// Carries the outbox to one returner: reads on from the position the store remembers, leaves out what the returner is not to have, hands
// over batches, retries with full jitter while the backend is away, puts what it refuses for good into a file, and has the position written
// down after each batch. A thread of its own per returner; a slow or dead backend slows nobody else, the outbox keeps what it has not
// taken.
//
// Orders of operators come through the store, so that they reach the master that delivers, whichever it is: a position that was put forward
// (returners.skip) is followed, and a setting asks for returns of the past (replay.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/duration_histogram.h"
#include "returners/dead_letters.h"
#include "returners/filter.h"
#include "returners/replay.h"
#include "returners/returner.h"
#include "store/state_store.h"

namespace brine::returners {

struct DrainOptions {
  std::string name;
  std::string master;  // id of this one, for the records
  std::size_t batch = 1'000;
  milliseconds retry_least{200};  // the first retry comes within this
  milliseconds retry_most{30'000};
  milliseconds look_every{1'000};  // for orders, and for entries that nobody has told of
  Filter filter;                   // of returns
  bool events = false;             // whether it gets events
  std::string dead_letters;        // path
  // Whether it is this process that delivers, of several that share the store; empty: always. Called on the drain's thread.
  std::function<bool()> ours;
  // Have it written to the store; false when that cannot be queued now.
  std::function<bool(const std::string& returner, std::uint64_t position)> keep_position;
  std::function<bool(const std::string& name, const std::string& value)> keep_setting;
};

struct DrainCounters {
  std::atomic<std::uint64_t> delivered{0};  // records, replayed ones included
  std::atomic<std::uint64_t> replayed{0};
  std::atomic<std::uint64_t> passed_over{0};  // by the filter
  std::atomic<std::uint64_t> refused{0};      // for good: in the file of dead letters
  std::atomic<std::uint64_t> failures{0};     // batches that were not taken whole; tried again
  std::atomic<std::uint64_t> position{0};
  std::atomic<UnixMicros> oldest{0};  // when the oldest that it has not taken came; 0: it has taken all. As of its last look
  std::atomic<bool> delivers{false};  // this process does, of several
  DurationHistogram delivery_time{{milliseconds(1), microseconds(2'500), milliseconds(5), milliseconds(10), milliseconds(25),
                                   milliseconds(50), milliseconds(100), milliseconds(250), milliseconds(500), milliseconds(1'000),
                                   milliseconds(2'500), milliseconds(5'000), milliseconds(10'000)}};
};

class Drain {
 public:
  Drain(std::unique_ptr<Returner> returner, store::StateStore& store, const Clock& clock, DrainOptions options);
  ~Drain();

  Status start();
  // The outbox has grown. Thread-safe.
  void wake();
  // Ends when everything is delivered, at the first failure, or when deadline has passed, whichever comes first; what is left waits in the
  // outbox for the next start. begin_stop() does not wait for it, so that several may end at once.
  void begin_stop();
  void stop(MonoTime deadline);

  const std::string& name() const { return options_.name; }
  const DrainCounters& counters() const { return counters_; }
  // Why the last batch was not taken; empty when the last one was. Thread-safe.
  std::string trouble() const;

 private:
  enum class Step : std::uint8_t { kMore, kNothing, kFailed };

  void run(const std::stop_token& stop);
  Step step(const std::stop_token& stop);
  bool delivers();
  void follow_store();
  Step deliver_next(const std::stop_token& stop);
  Step replay_next(const std::stop_token& stop);
  std::vector<Record> records_of(std::vector<store::OutboxEntry> entries);
  Result<std::size_t> hand_over(std::span<const Record> records, const std::stop_token& stop);
  Step failed(const Error& error);
  void went_well();
  void advance(std::uint64_t position);
  void wait_for_work(const std::stop_token& stop);
  bool ending() const;
  bool back_off(const std::stop_token& stop);

  const std::unique_ptr<Returner> returner_;
  store::StateStore& store_;
  const Clock& clock_;
  const DrainOptions options_;
  DeadLetters dead_letters_;
  std::string replay_;          // the order that is carried out; empty: none
  UnixMicros last_replay_ = 0;  // the id of the one before, which the store may still show
  std::minstd_rand random_{std::random_device{}()};
  std::uint64_t position_ = 0;
  MonoTime next_look_{};
  int failures_in_a_row_ = 0;
  DrainCounters counters_;
  mutable std::mutex mutex_;
  std::condition_variable_any ready_;
  bool woken_ = false;   // guarded by mutex_
  bool ending_ = false;  // guarded by mutex_
  bool ended_ = false;   // guarded by mutex_
  std::string trouble_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace brine::returners
