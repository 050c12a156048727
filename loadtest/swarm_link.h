// One simulated minion's connection: a non-blocking socket in its loop's epoll set, and the ZMTP stream on it.
//
// A session is bound to one connection, as with net/dealer_channel.h. Faults are played here: an abrupt end, a black hole, a reader that
// takes its time, a minion that is stopped. Confined to its loop.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file.h"
#include "loadtest/link_settings.h"

namespace brine::loadtest {

class SwarmLink {
 public:
  // mark comes back with epoll's events; number chooses the source address. settings has to outlive the link.
  SwarmLink(LinkSettings& settings, std::uint64_t mark, std::uint32_t number) : settings_(settings), mark_(mark), number_(number) {}

  // Begins to connect; failure is told by the next look() or on_ready().
  void connect(std::string_view endpoint, MonoTime now);
  void disconnect();
  bool send(std::string_view frame) { return stream_ && stream_->queue(frame); }
  // Writes what waits, as far as the kernel takes it, and watches for what is missing. Once a turn.
  void settle();
  // Everything has been handed to the kernel.
  bool drained() const { return !stream_ || stream_->waiting().empty(); }

  struct Events {
    bool connected = false;
    bool lost = false;
  };
  // Appends the frames that have come.
  Events on_ready(std::uint32_t events, std::deque<std::string>& frames, MonoTime now);
  // What is due without an event: heartbeats, their timeout.
  Events look(MonoTime now);
  MonoTime next_look() const;

  // Changes whenever a connection begins or ends.
  std::uint32_t generation() const { return generation_; }

  void reset();                     // an end without a goodbye: RST
  void black_hole(MonoTime until);  // nothing comes or goes any more, and nobody is told
  // In a black hole.
  bool is_dead() const { return hole_until_.has_value(); }
  void read_slowly(std::size_t bytes_per_second);
  void suspend();  // neither read nor written, until resume()
  void resume();

 private:
  bool open(std::string_view endpoint);
  Events finish_connecting(MonoTime now);
  bool read(std::deque<std::string>& frames, MonoTime now);
  std::size_t read_at_once(MonoTime now) const;
  bool write();
  std::uint32_t wanted(MonoTime now) const;
  void watch(std::uint32_t events);

  LinkSettings& settings_;
  const std::uint64_t mark_;
  const std::uint32_t number_;
  std::uint32_t generation_ = 0;
  Fd socket_;
  std::optional<ClientStream> stream_;
  std::uint32_t watched_ = 0;
  bool connecting_ = false;
  bool told_connected_ = false;
  bool failed_ = false;  // to be told
  bool suspended_ = false;
  std::optional<MonoTime> hole_until_;
  std::uint32_t bytes_per_second_ = 0;  // 0: no limit
  MonoTime read_again_;
};

}  // namespace brine::loadtest
