// Any bytes as a frame on the operator socket, either way.

#include <cstdint>

#include "tests/fuzz/recode.h"
#include "wire/frame.h"
#include "wire/operator.h"

using namespace brine::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto frame = parse_frame({reinterpret_cast<const char*>(data), size});
  if (!frame) return 0;
  const auto body = [](const std::string& bytes) { return bytes.substr(kFrameHeader); };
  if (frame->type == FrameType::kOperatorRequest) {
    check_codec(frame->body, decode_request, [&](const OperatorRequest& request) { return body(encode_request(request)); });
  } else {
    check_codec(frame->body, decode_reply, [&](const OperatorReply& reply) { return body(encode_reply(reply)); });
  }
  return 0;
}
