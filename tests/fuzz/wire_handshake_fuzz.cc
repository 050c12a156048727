// Any bytes as a handshake message; the first byte says which.

#include <cstdint>

#include "tests/fuzz/recode.h"
#include "wire/handshake.h"

using namespace brine::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto encoded = [](const auto& message) { return encode(message); };
  switch (data[0] % 10) {
    case 0: check_codec(bytes, decode_client_hello, encoded); break;
    case 1: check_codec(bytes, decode_client_hello_body, encoded); break;
    case 2: check_codec(bytes, decode_server_hello, encoded); break;
    case 3: check_codec(bytes, decode_server_hello_body, encoded); break;
    case 4: check_codec(bytes, decode_server_proof, encoded); break;
    case 5: check_codec(bytes, decode_client_finish, encoded); break;
    case 6: check_codec(bytes, decode_client_proof, encoded); break;
    case 7: check_codec(bytes, decode_refusal, encoded); break;
    case 8: check_codec(bytes, decode_manifest, encoded); break;
    default: check_codec(bytes, decode_signed_manifest, encoded); break;
  }
  return 0;
}
