#include "tests/unit/net/zmtp_bytes.h"

#include "base/bytes.h"

namespace brine::net {

std::string libzmq_greeting() {
  return from_hex(
             "ff00000000000000017f"
             "03014e554c4c000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000")
      .value();
}

std::string libzmq_ready() {
  return from_hex("04290552454144590b536f636b65742d54797065000000064445414c4552084964656e7469747900000000").value();
}

std::string greeting(unsigned char major, unsigned char minor, std::string_view mechanism, bool as_server) {
  std::string bytes("\xff\0\0\0\0\0\0\0\1\x7f", 10);
  bytes.push_back(static_cast<char>(major));
  bytes.push_back(static_cast<char>(minor));
  bytes += mechanism;
  bytes.resize(32, '\0');
  bytes.push_back(as_server ? '\1' : '\0');
  bytes.resize(64, '\0');
  return bytes;
}

std::string property(std::string_view name, std::string_view value) {
  std::string bytes(1, static_cast<char>(name.size()));
  bytes += name;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value.size() >> shift));
  bytes += value;
  return bytes;
}

std::string header(unsigned char flags, unsigned long long size) {
  std::string bytes(1, static_cast<char>(flags));
  for (int shift = (flags & 2) != 0 ? 56 : 0; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(size >> shift));
  return bytes;
}

std::string command(std::string_view name, std::string_view data) {
  const std::size_t size = 1 + name.size() + data.size();
  std::string bytes = header(size < 256 ? 4 : 6, size);
  bytes.push_back(static_cast<char>(name.size()));
  bytes += name;
  bytes += data;
  return bytes;
}

std::string message(std::string_view body) {
  std::string bytes = header(body.size() < 256 ? 0 : 2, body.size());
  bytes += body;
  return bytes;
}

}  // namespace brine::net
