#include "front/probe.h"

#include <algorithm>

#include "net/dealer_channel.h"
#include "wire/frame.h"

namespace brine::front {

bool master_serves(const std::string& address, milliseconds longest) {
  net::DealerChannel channel({});
  if (!channel.open("tcp://" + address)) return false;
  const MonoTime deadline = std::chrono::steady_clock::now() + longest;
  for (MonoTime now = std::chrono::steady_clock::now(); now < deadline; now = std::chrono::steady_clock::now()) {
    const auto events = channel.poll(-1, std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(deadline - now)));
    if (events.connected && !channel.send(wire::make_frame(wire::FrameType::kProbe, {}))) return false;
    for (const std::string& bytes : events.frames) {
      const auto frame = wire::parse_frame(bytes);
      return frame && frame->type == wire::FrameType::kProbeAnswer && frame->body == "1";
    }
    if (events.lost) return false;
  }
  return false;
}

}  // namespace brine::front
