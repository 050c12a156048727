// The envelope of every brine message: magic "BR", version, type. One message is one ZMTP frame.
// 4506 is shared with other protocols later (DESIGN.md section 11); the magic tells them apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace brine::wire {

inline constexpr std::uint8_t kWireVersion = 1;
inline constexpr std::size_t kFrameHeader = 4;

enum class FrameType : std::uint8_t {
  kClientHello = 1,
  kServerHello = 2,
  kClientFinish = 3,
  kRefusal = 4,
  kSealed = 5,
  kOperatorRequest = 6,
  kOperatorReply = 7,
  kProbe = 8,        // one master asks another; no body
  kProbeAnswer = 9,  // "1": it serves its cluster; "0": it does not
};

struct Frame {
  FrameType type;
  std::string_view body;  // into the bytes given
};

// header + body.
std::string make_frame(FrameType type, std::string_view body);
// kInvalid for anything that is not a brine frame of this version.
Result<Frame> parse_frame(std::string_view bytes);

}  // namespace brine::wire
