#include "tests/simulation/network.h"

#include <algorithm>

namespace brine::simulation {

Network::Network(Timeline& time, milliseconds silence, Listener listener)
    : time_(time), silence_(silence), listener_(std::move(listener)) {}

// What waits holds the link on which it waits.
Network::~Network() {
  for (const LinkRef& link : links_) {
    for (Link::Side& side : link->sides) side.waits.clear();
  }
}

LinkRef Network::connect(std::size_t minion, std::size_t master) {
  auto link = std::make_shared<Link>();
  link->master = master;
  link->minion = minion;
  link->connection = next_connection_++;
  for (Link::Side& side : link->sides) side.heard = time_.now();
  links_.push_back(link);
  return link;
}

bool Network::passes(const Link& link, End to) const {
  return !is_cut(link.minion, link.master) && listener_.runs(to, to == End::kMaster ? link.master : link.minion);
}

void Network::send(const LinkRef& link, End to, std::function<void()> message) {
  Link::Side& side = link->side(to);
  const milliseconds late =
      time_.chance(3) ? time_.between(milliseconds(20), milliseconds(300)) : time_.between(milliseconds(0), milliseconds(8));
  side.last_arrival = std::max(side.last_arrival + microseconds(1), time_.now() + late);
  time_.at(side.last_arrival, [this, link, to, message = std::move(message)]() mutable { arrive(link, to, std::move(message)); });
}

void Network::arrive(const LinkRef& link, End to, std::function<void()> message) {
  Link::Side& side = link->side(to);
  if (!side.open) return;
  if (!side.waits.empty() || !passes(*link, to)) return side.waits.push_back(std::move(message));
  side.heard = time_.now();
  message();
}

void Network::close(const LinkRef& link, End by) {
  if (!std::exchange(link->side(by).open, false)) return;
  link->side(by).waits.clear();
  send(link, other(by), [this, link, by] { end_side(link, other(by)); });
}

void Network::end_side(const LinkRef& link, End end) {
  if (!std::exchange(link->side(end).open, false)) return;
  link->side(end).waits.clear();
  listener_.closed(link, end);
}

void Network::vanish(End end, std::size_t number) {
  const std::vector<LinkRef> links = links_;
  for (const LinkRef& link : links) {
    if ((end == End::kMaster ? link->master : link->minion) == number) close(link, end);
  }
}

void Network::tick() {
  const std::vector<LinkRef> links = links_;
  for (const LinkRef& link : links) {
    const bool alive = link->sides[0].open && link->sides[1].open && passes(*link, End::kMaster) && passes(*link, End::kMinion);
    for (const End end : {End::kMaster, End::kMinion}) {
      Link::Side& side = link->side(end);
      if (alive) side.heard = time_.now();
      while (side.open && !side.waits.empty() && passes(*link, end)) {
        const auto message = std::move(side.waits.front());
        side.waits.pop_front();
        side.heard = time_.now();
        message();
      }
      const bool runs = listener_.runs(end, end == End::kMaster ? link->master : link->minion);
      if (side.open && runs && time_.now() - side.heard > silence_) {
        close(link, end);
        listener_.closed(link, end);
      }
    }
  }
  std::erase_if(links_, [](const LinkRef& link) { return !link->sides[0].open && !link->sides[1].open; });
}

}  // namespace brine::simulation
