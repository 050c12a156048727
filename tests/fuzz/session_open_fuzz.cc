// Any bytes as a sealed frame. Only the very frame that the peer sealed next opens, and to what it sealed.

#include <cstdint>
#include <cstdlib>

#include "net/session_cipher.h"
#include "tests/fuzz/genuine.h"

namespace {

using namespace brine::net;

SessionKeys keys() {
  return {std::string(kSessionIdBytes, 's'), std::string(kKeyBytes, 'u'), std::string(kIvBytes, 'v'),
          std::string(kKeyBytes, 'd'),       std::string(kIvBytes, 'e'),  std::string(kKeyBytes, 'r')};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kPlain = "what the minion says";
  static const std::string kGenuine = SessionCipher(keys(), Side::kMinion).seal(kPlain).value().substr(brine::wire::kFrameHeader);
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string body = data[0] % 2 == 0 ? std::string(bytes) : altered(kGenuine, bytes);
  SessionCipher master(keys(), Side::kMaster, 1);
  const auto opened = master.open(body);
  if (opened.has_value() != (body == kGenuine)) std::abort();
  if (opened && *opened != kPlain) std::abort();
  if (master.open(body)) std::abort();
  return 0;
}
