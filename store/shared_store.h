// A store that several masters write: what StateStore has, and what only they need: news of each other, leases, presence.
// redis_store.h is the one there is; tests/unit/store/redis_store_test.cc and redis_membership_test.cc show what it does.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/state_store.h"

namespace brine::store {

// A master, as the others see it.
struct MasterCard {
  std::string id;
  std::string public_key;  // Ed25519
  std::string wrap_key;    // X25519
  std::string address;     // that minions connect to: host:port
  UnixMicros since = 0;    // of this process
  std::uint32_t minions = 0;
  bool draining = false;  // takes no minions
  bool operator==(const MasterCard&) const = default;
};

// Where a minion is, or was last. Generations rise with every arrival, over all masters: what has a lower one than what is known is old.
struct Presence {
  enum class State : std::uint8_t { kHere = 0, kLost = 1, kLeft = 2 };  // has a session; its connection broke; it said goodbye
  MinionId id;
  std::string master;
  State state = State::kHere;
  std::uint64_t generation = 0;  // given at arrival
  std::uint64_t instance = 0;
  UnixMicros since = 0;
  std::string address;
};

// What other masters have committed. Names what has changed, not how: whoever wants to know reads it.
struct News {
  bool missed = false;   // some of it is gone: everything may have changed
  bool feed = false;     // it has grown
  bool masters = false;  // one came, went, or changed its card
  bool tokens = false;   // join tokens came or went
  // Minions, by their places in the job's expected ones, that have returned (once more, perhaps), or said that they run it.
  std::map<JobId, std::vector<std::uint32_t>> returned;
  std::map<JobId, std::vector<std::uint32_t>> running;
  std::vector<MinionId> keys;      // changed or forgotten
  std::vector<MinionId> minions;   // grains changed or forgotten
  std::vector<MinionId> mine;      // entries of theirs changed or forgotten
  std::vector<MinionId> presence;  // came or went
  std::vector<std::string> settings;

  bool empty() const {
    return !missed && !feed && !masters && !tokens && returned.empty() && running.empty() && keys.empty() && minions.empty() &&
           mine.empty() && presence.empty() && settings.empty();
  }
};

// Reads what others commit from the moment on at which it was opened. Belongs to one thread.
class NewsReader {
 public:
  virtual ~NewsReader() = default;
  // Blocks until there is some, or for this long (then it is empty). After an error the next call connects again; what was written
  // meanwhile is either read then, or `missed` is set.
  virtual Result<News> wait(milliseconds longest) = 0;
};

// One master's place among the others, over a connection of its own, which is made again when it breaks. Belongs to one thread.
// All but renew() and masters() are refused with kDenied when the lease is not held (any more): the fence.
class Membership {
 public:
  virtual ~Membership() = default;

  // Takes or prolongs the lease on this id. kExists: another process holds it; the message names its address.
  virtual Status renew(const MasterCard& self, milliseconds life) = 0;
  // Ends it.
  virtual Status leave() = 0;
  // Those that hold a lease now.
  virtual Result<std::vector<MasterCard>> masters() = 0;

  // Minions that have come to this master; generation is set in each.
  virtual Status arrived(std::vector<Presence>& minions) = 0;
  // Minions that have gone from it: id and generation name which presence, state says how. Old ones are ignored.
  virtual Status went(const std::vector<Presence>& minions) = 0;
  // Minions here that have said they run these jobs.
  virtual Status running(const std::map<JobId, std::vector<std::uint32_t>>& places) = 0;
};

class SharedStore : public StateStore {
 public:
  virtual Result<std::unique_ptr<NewsReader>> news() = 0;
  virtual Result<std::unique_ptr<Membership>> membership() = 0;

  // Of these ids; those that have none are left out. A minion may have two keys (denied).
  virtual Result<std::vector<KeyRecord>> keys_of(const std::vector<MinionId>& ids) const = 0;
  virtual Result<std::vector<GrainsRecord>> grains_of(const std::vector<MinionId>& ids) const = 0;
  virtual Result<std::vector<JournalMark>> journals_of(const std::vector<MinionId>& ids) const = 0;
  virtual Result<std::vector<MineRecord>> mine_of(const std::vector<MinionId>& ids) const = 0;
  virtual Result<std::vector<Presence>> presence() const = 0;
  virtual Result<std::vector<Presence>> presence_of(const std::vector<MinionId>& ids) const = 0;
  // Returns by the places of their minions in `expected`, that of the job; those that are not there are left out.
  virtual Result<std::vector<ReturnRecord>> returns_at(const JobId& jid, const std::vector<MinionId>& expected,
                                                       const std::vector<std::uint32_t>& places) const = 0;

  // Whether this store has taken the place of the one with that epoch: its masters go on with this one.
  virtual Result<bool> succeeds(std::uint64_t epoch) const = 0;
  // Says so. Call it when what has to be in it is in it.
  virtual Status succeed(std::uint64_t epoch) = 0;

  // So many numbers that nobody has had: the first of them. Thread-safe.
  virtual Result<std::uint32_t> reserve_indexes(std::uint32_t count) = 0;
  // Sets it if it is not there; what holds then. Thread-safe.
  virtual Result<std::string> claim_setting(const std::string& name, const std::string& value) = 0;
  // The store's clock.
  virtual Result<UnixMicros> time() const = 0;
};

}  // namespace brine::store
