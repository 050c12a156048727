// Any bytes as a job or a signed job; the first byte says which.

#include <cstdint>

#include "tests/fuzz/recode.h"
#include "wire/job.h"

using namespace brine::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto encoded = [](const auto& message) { return encode(message); };
  if (data[0] % 2 == 0) {
    check_codec(bytes, decode_job, encoded);
  } else {
    check_codec(bytes, decode_signed_job, encoded);
  }
  return 0;
}
