// Where returns and events go after they are stored: one small interface. Reading the outbox, filters, retry, dead letters and
// bookkeeping are written once, in drain.h; registry.h lists the kinds there are.
#pragma once

#include <cstddef>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/records.h"

namespace brine::returners {

inline constexpr int kSchema = 1;  // of the JSON form

// What is carried out: a return, or an event (entry.is_event()).
struct Record {
  store::OutboxEntry entry;
  std::string json;         // of to_json(): what every returner sends, whatever it puts around it
  std::string_view master;  // id of the one that delivers; outlives the record
};

// A record that this backend will never take, for what is in it: too large, not representable.
struct Refusal {
  std::size_t index = 0;  // in the batch
  std::string why;
};

// What became of a batch.
struct Delivery {
  std::size_t settled = 0;       // so many, from the first on, need not come again: delivered, or refused for good
  std::vector<Refusal> refused;  // of those; indexes rise
  Status status;                 // why the others have to come again (kUnavailable); ok when all are settled

  static Delivery all(std::span<const Record> records) { return {.settled = records.size()}; }
  static Delivery none(Error why) { return {.status = std::unexpected(std::move(why))}; }
};

// Belongs to its drain's thread, on which it may block: nothing but its own drain waits for it.
class Returner {
 public:
  virtual ~Returner() = default;

  // Returns when each record is as safe as this kind promises (file: synced; kafka: acknowledged by all replicas in sync), has been
  // refused for good, or cannot be delivered now: the backend is away, slow, or does not let us in. Connects by itself, again after
  // every failure. What was delivered and is not counted as settled comes again, equal in everything: at least once.
  // records is never empty. Bounded in time (some 10 s), and soon over once a stop is requested.
  virtual Delivery deliver(std::span<const Record> records, const std::stop_token& stop) = 0;
};

// One JSON object without line breaks; docs/returners.md describes it. master: the id of the one that delivers.
std::string to_json(const store::OutboxEntry& entry, std::string_view master);

}  // namespace brine::returners
