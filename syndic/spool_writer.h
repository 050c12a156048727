// Takes returns to the disk, and from it: the only thread that writes the spool ("spool"). What is synced is acknowledged downwards at
// once; what masters have acknowledged is erased with the next batch, or after a second.
// Thread-safe, but that one thread at a time calls has_room(), add() and erase().
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "engine/ports.h"
#include "store/return_spool.h"

namespace brine::syndic {

// A return on its way to the disk, and who waits for its acknowledgement.
struct ArrivedReturn {
  engine::SessionRef session;
  store::SpooledReturn value;
};

struct SpoolCounters {
  std::atomic<std::uint64_t> written{0};  // repeated ones included
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> failures{0};  // batches that could not be written, and are tried again
  std::atomic<std::uint64_t> turns{0};
};

class SpoolWriter {
 public:
  // stored: called on the spool's thread with what has been synced, positions filled in.
  SpoolWriter(store::ReturnSpool& spool, engine::Gateway& gateway, std::function<void(std::vector<store::SpooledReturn>)> stored);
  ~SpoolWriter();

  void start();
  // Writes what is queued, then ends the thread.
  void stop();

  bool has_room(std::size_t returns) const;
  // Only where there is room.
  void add(std::vector<ArrivedReturn> returns);
  void erase(std::vector<std::uint64_t> positions);
  std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  const SpoolCounters& counters() const { return counters_; }

 private:
  struct Entry {
    std::vector<ArrivedReturn> returns;
    std::vector<std::uint64_t> erased;
  };
  void run(const std::stop_token& stop);
  void turn(milliseconds longest);
  bool write(std::vector<ArrivedReturn>& returns, const std::vector<std::uint64_t>& erased);
  void acknowledge(const std::vector<ArrivedReturn>& returns);

  store::ReturnSpool& spool_;
  engine::Gateway& gateway_;
  const std::function<void(std::vector<store::SpooledReturn>)> stored_;
  BoundedQueue<Entry> queue_;
  std::atomic<std::size_t> waiting_{0};  // returns in queue_
  std::vector<std::uint64_t> erased_;    // of the thread: not written yet
  MonoTime erase_by_{};                  // the same
  std::string trouble_;                  // the same; told once
  SpoolCounters counters_;
  std::jthread thread_;
};

}  // namespace brine::syndic
