#include "wire/frame.h"

namespace brine::wire {

std::string make_frame(FrameType type, std::string_view body) {
  std::string frame;
  frame.reserve(kFrameHeader + body.size());
  frame += "BR";
  frame.push_back(static_cast<char>(kWireVersion));
  frame.push_back(static_cast<char>(type));
  frame += body;
  return frame;
}

Result<Frame> parse_frame(std::string_view bytes) {
  if (bytes.size() < kFrameHeader || bytes[0] != 'B' || bytes[1] != 'R') return fail(Code::kInvalid, "not a brine frame");
  if (static_cast<std::uint8_t>(bytes[2]) != kWireVersion) return fail(Code::kInvalid, "unknown frame version");
  const auto type = static_cast<std::uint8_t>(bytes[3]);
  if (type < 1 || type > 9) return fail(Code::kInvalid, "unknown frame type");
  return Frame{static_cast<FrameType>(type), bytes.substr(kFrameHeader)};
}

}  // namespace brine::wire
