// A minion as the masters see one: it keeps a journal through its lives, runs a job once, returns until it is acknowledged, and turns to
// another master when the one it has is gone. What the product's agent does between the connection and the functions, without either.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/session.h"
#include "store/records.h"
#include "tests/simulation/history.h"
#include "tests/simulation/network.h"

namespace brine::simulation {

class World;

class ModelMinion {
 public:
  ModelMinion(World& world, std::size_t number);

  const MinionId& id() const { return id_; }
  std::size_t number() const { return number_; }
  bool runs() const { return alive_ && !paused_; }
  bool alive() const { return alive_; }
  // Nothing is owed to it, and it owes nothing.
  bool idle() const;
  const LinkRef& link() const { return link_; }
  bool is_open() const { return open_; }

  void start();
  void kill();
  void set_paused(bool paused) { paused_ = paused; }
  // Its connection breaks.
  void drop();

  // From a master, over this link.
  void on_admission(const LinkRef& link, const engine::Admission& admission);
  void on_refused(const LinkRef& link);
  void on_job(const LinkRef& link, const store::JobRecord& job, std::uint32_t index);
  void on_acknowledged(const LinkRef& link, const std::vector<JobId>& jids);
  void on_goodbye(const LinkRef& link);
  void on_closed(const LinkRef& link);

 private:
  enum class State : std::uint8_t { kBegun, kDone, kAcknowledged };
  struct Entry {
    State state = State::kBegun;
    std::string payload;
    store::Outcome outcome = store::Outcome::kReturned;
  };

  void turn_to_another(microseconds after);
  void connect();
  void leave_link();
  void finish(const JobId& jid, std::uint64_t life);
  void write(const JobId& jid, State state);
  void send_return(const JobId& jid, const Entry& entry);
  void send_mark();
  template <typename Do>
  void in_this_life(microseconds after, Do what);

  World& world_;
  const std::size_t number_;
  const MinionId id_;
  // On its disk.
  std::map<JobId, Entry> journal_;
  std::uint64_t sequence_ = 0;
  // In its memory.
  bool alive_ = false;
  bool paused_ = false;
  std::uint64_t life_ = 0;
  std::size_t master_ = 0;
  LinkRef link_;
  bool open_ = false;
  std::set<JobId> running_;
};

}  // namespace brine::simulation
