// Any bytes as the plain text of a sealed frame.

#include <cstdint>

#include "tests/fuzz/recode.h"
#include "wire/session.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_codec({reinterpret_cast<const char*>(data), size}, brine::wire::decode_session_message,
              [](const brine::wire::SessionMessage& message) { return encode(message); });
  return 0;
}
