// Which master a minion or syndic turns to: its own order of those that live, by rendezvous hashing (Thaler and Ravishankar, "A name-based
// mapping scheme for rendezvous", 1996), so that the minions of one that goes spread evenly over the others, and nobody else moves. Those
// that are only configured come last. Confined to its owner's loop.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/ids.h"

namespace brine::net {

class MasterList {
 public:
  // configured: endpoints. Until the first master has told which live, one of them by chance, then the others in turn.
  MasterList(const MinionId& id, std::vector<std::string> configured);

  bool empty() const { return order_.empty(); }
  std::size_t size() const { return order_.size(); }
  const std::string& current() const { return order_[current_]; }
  // The current one does not serve: the next one is turned to.
  void next();
  // The current one serves, and takes no more just now: the next one is turned to, and it is tried again; three times, until others live
  // than before.
  void pass();

  // The masters that live, host:port, as one of them tells; and that one's own address, if it says it. None: as configured.
  void learn(const std::vector<std::string>& live, const std::string& own);
  // The current one is not the first of those that live. One that did not serve counts again when others live than before.
  bool has_better() const { return best() < current_; }
  // Turns to the first.
  void take_best() { current_ = best(); }

 private:
  std::size_t best() const;

  const std::string id_;
  const std::vector<std::string> configured_;
  std::vector<std::string> order_;  // endpoints: those that live in order of preference, then the other configured ones
  std::size_t live_ = 0;            // how many of them live, as far as is known
  std::size_t current_ = 0;
  std::vector<std::string> told_;    // the addresses that order_ was made of
  std::vector<std::string> failed_;  // since then
  int passes_ = 0;                   // since then
};

}  // namespace brine::net
