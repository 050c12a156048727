// What a daemon shows: families of metrics, declared once at start, whose values are read when somebody asks.
//
// Nothing is counted here: a daemon counts in atomics of its own, and a family only knows how to read them. So hot paths pay nothing for
// being watched, and the parts that count know nothing of this folder.
// Names follow prometheus.io/docs/practices/naming. A family that breaks them is a mistake of the program, which ends at its declaration.
#pragma once

#include <atomic>
#include <functional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/duration_histogram.h"

namespace brine::metrics {

enum class Kind { kCounter, kGauge, kHistogram };

// What is wrong with a name, or "": a counter ends in _total, a histogram in _seconds, a gauge in the unit of its value.
std::string name_complaint(Kind kind, std::string_view name);

// Thread-safe.
class Registry {
 public:
  // Called by any thread that asks, several at once; must not block, and what it reads must outlive the last text().
  using Read = std::function<double()>;
  using Labels = std::vector<std::pair<std::string, std::string>>;

  // One line. Values of labels come from a small fixed set: never an id of a minion or of a job.
  struct Series {
    Labels labels;
    Read read;
  };
  struct Distribution {
    Labels labels;
    const DurationHistogram* histogram;
  };

  // help: one sentence, what is counted. Every name once.
  void counter(std::string name, std::string help, std::vector<Series> series);
  void counter(std::string name, std::string help, Read read);
  void gauge(std::string name, std::string help, std::vector<Series> series);
  void gauge(std::string name, std::string help, Read read);
  void histogram(std::string name, std::string help, std::vector<Distribution> distributions);

  // All families in the text format of Prometheus (version 0.0.4), in the order of their declaration.
  std::string text() const;

 private:
  struct Family {
    Kind kind;
    std::string name;
    std::string help;
    std::vector<Series> series;
    std::vector<Distribution> distributions;
  };
  void add(Family family);

  mutable std::shared_mutex mutex_;
  std::vector<Family> families_;  // guarded by mutex_
};

// Reads an atomic that outlives the registry's last text().
template <typename T>
Registry::Read value_of(const std::atomic<T>& value) {
  return [&value] { return static_cast<double>(value.load(std::memory_order_relaxed)); };
}

}  // namespace brine::metrics
