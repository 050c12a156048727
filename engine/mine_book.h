// The mine on this master: the index that is read, and what of it is still to be written to the store.
//
// A change counts at once; the store gets the newest value of each entry, in portions, one at a time. While the store is away, what has
// changed waits here as a name, not as a copy: so neither a busy nor a hostile minion makes anything grow. Of several masters, the one that
// holds a minion's session knows best: what the store has otherwise is written again; for all other minions the store is right.
// Confined to the engine's loop.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/ledger.h"
#include "engine/ports.h"
#include "mine/index.h"
#include "store/records.h"

namespace brine::engine {

struct MineCounters {
  std::atomic<std::uint64_t> entries{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> changed{0};    // entries that minions here have added, changed or removed
  std::atomic<std::uint64_t> unchanged{0};  // that were sent and were known
  std::atomic<std::uint64_t> refused{0};    // beyond what a minion may have
  std::atomic<std::uint64_t> written{0};    // to the store, removals included
  std::atomic<std::uint64_t> waiting{0};    // for it
  std::atomic<std::uint64_t> reads{0};      // mine.get and discovery
};

class MineBook {
 public:
  // An entry has changed: told to whoever watches.
  using Listener = std::function<void(const MinionId& id, const std::string& name, mine::Change change, Origin origin)>;

  MineBook(Ledger& ledger, const Clock& clock, Listener listener) : ledger_(ledger), clock_(clock), listener_(std::move(listener)) {}
  // Where what the ledger's thread says comes back to. Before anything else.
  void set_post(std::function<void(std::function<void()>)> post) { post_ = std::move(post); }

  const mine::Index& index() const { return index_; }
  const MineCounters& counters() const { return counters_; }
  MineCounters& counters() { return counters_; }

  // At the start. With sweep, when no other master can have accepted them meanwhile, entries of minions that are not accepted are deleted.
  void load(const std::vector<store::MineRecord>& records, const std::function<bool(const MinionId&)>& accepted, bool sweep);
  // A minion that has its session here says what it has.
  void change(const MinionId& id, const store::MineChange& change);
  // The minion's key was withdrawn. With write: here, or by the master that had its session.
  void forget(const MinionId& id, bool write);
  // Which master has the session of an accepted minion. What the store has of unknown ones is left alone: they may be accepted just now.
  enum class Owner : std::uint8_t { kUnknown, kHere, kElsewhere };
  using JudgeOwner = std::function<Owner(const MinionId&)>;
  // What the store holds of these minions.
  void take(const std::vector<MinionId>& ids, const std::vector<store::MineRecord>& records, const JudgeOwner& owner_of);
  // All that the store holds.
  void take_all(const std::vector<store::MineRecord>& records, const JudgeOwner& owner_of);
  // Writes what waits, when the store can take it.
  void flush();

 private:
  using Name = std::pair<MinionId, std::string>;

  void put(const store::MineRecord& record, Origin origin);
  void drop(const MinionId& id, const std::string& name, Origin origin);
  void differs(const MinionId& id, const std::string& name, const store::MineRecord* stored, Owner owner);
  void told(const MinionId& id, const std::string& name, mine::Change change, Origin origin);
  void complain(const store::MineRecord& record);
  void to_write(const MinionId& id, const std::string& name);
  void written(const std::vector<Name>& names, const Status& status);
  void count();

  Ledger& ledger_;
  const Clock& clock_;
  const Listener listener_;
  std::function<void(std::function<void()>)> post_;
  mine::Index index_;
  std::set<Name> dirty_;                     // to be written as they are then: or to be deleted, if they are not there
  std::set<Name> in_flight_;                 // at the ledger
  std::map<MinionId, MonoTime> complained_;  // when it was last said that a minion's entries are refused
  MineCounters counters_;
};

}  // namespace brine::engine
