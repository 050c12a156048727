#include "loadtest/client_stream.h"

#include <algorithm>

#include "net/zmtp.h"

namespace brine::loadtest {
namespace {

constexpr std::size_t kKeepOutput = 2'048;  // a capacity above this is given back

}  // namespace

ClientStream::ClientStream(const StreamOptions& options, MonoTime now)
    : options_(options), reader_(options.max_message), out_(net::zmtp_client_opening()), heard_(now), next_ping_(now) {}

Status ClientStream::take(std::string_view bytes, std::deque<std::string>& messages, MonoTime now) {
  const bool was_ready = ready();
  heard_ = now;
  BRINE_TRY(reader_.feed(bytes, out_, messages));
  if (!was_ready) next_ping_ = now + options_.heartbeat;
  return {};
}

bool ClientStream::queue(std::string_view message) {
  if (!ready() || waiting().size() + message.size() > options_.max_output) return false;
  net::append_zmtp_message(out_, message);
  return true;
}

void ClientStream::written(std::size_t bytes) {
  written_ += bytes;
  if (written_ == out_.size()) return discard();
  if (written_ < out_.size() / 2) return;
  out_.erase(0, written_);
  written_ = 0;
}

void ClientStream::discard() {
  written_ = 0;
  out_.clear();
  if (out_.capacity() > kKeepOutput) std::string().swap(out_);
}

Status ClientStream::beat(MonoTime now) {
  if (!ready()) return {};
  if (now - heard_ >= options_.heartbeat_timeout) return fail(Code::kTimeout, "the peer has been silent for too long");
  if (now < next_ping_) return {};
  next_ping_ = now + options_.heartbeat;
  if (waiting().size() < options_.max_output) net::append_zmtp_ping(out_, options_.heartbeat_timeout);
  return {};
}

MonoTime ClientStream::next_beat() const { return ready() ? std::min(next_ping_, heard_ + options_.heartbeat_timeout) : MonoTime::max(); }

}  // namespace brine::loadtest
