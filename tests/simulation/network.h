// Links between minions and masters: messages arrive late but in order, or wait while the way is cut or the receiver stands still. An end
// that has heard nothing for too long closes; the other one learns of it when the way is free.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/simulation/timeline.h"

namespace brine::simulation {

enum class End : std::uint8_t { kMaster = 0, kMinion = 1 };
constexpr End other(End end) { return end == End::kMaster ? End::kMinion : End::kMaster; }

struct Link {
  struct Side {
    bool open = true;
    MonoTime heard;
    MonoTime last_arrival;                    // of what was sent to it
    std::deque<std::function<void()>> waits;  // has arrived, but the way is cut or nobody reads
  };
  std::size_t master = 0, minion = 0;
  std::uint64_t connection = 0;
  std::array<Side, 2> sides;
  Side& side(End end) { return sides[static_cast<std::size_t>(end)]; }
};
using LinkRef = std::shared_ptr<Link>;

class Network {
 public:
  struct Listener {
    std::function<bool(End, std::size_t)> runs;       // the process at this end, by its number, neither dead nor paused
    std::function<void(const LinkRef&, End)> closed;  // that end learns that its link is gone
  };
  Network(Timeline& time, milliseconds silence, Listener listener);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  LinkRef connect(std::size_t minion, std::size_t master);
  void send(const LinkRef& link, End to, std::function<void()> message);
  // By this end; it is not told.
  void close(const LinkRef& link, End by);
  // The process at this end is gone, with all its links.
  void vanish(End end, std::size_t number);

  void cut(std::size_t minion, std::size_t master) { cuts_.insert({minion, master}); }
  void heal(std::size_t minion, std::size_t master) { cuts_.erase({minion, master}); }
  bool is_cut(std::size_t minion, std::size_t master) const { return cuts_.contains({minion, master}); }

  // Heartbeats, silence, and what waited. Often.
  void tick();

 private:
  bool passes(const Link& link, End to) const;
  void arrive(const LinkRef& link, End to, std::function<void()> message);
  void end_side(const LinkRef& link, End end);

  Timeline& time_;
  const milliseconds silence_;
  const Listener listener_;
  std::uint64_t next_connection_ = 1;
  std::vector<LinkRef> links_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
};

}  // namespace brine::simulation
