// Any bytes from a ZMTP peer, on the listening side and on the connecting side. However they are cut into pieces, the same must come of
// them. The first byte says how large the pieces are.

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <tuple>

#include "net/zmtp.h"
#include "net/zmtp_client.h"

namespace {

using namespace brine::net;

constexpr std::size_t kLimit = 4096;

struct Outcome {
  bool sound = true;
  std::deque<std::string> messages;
  std::string answers;
  auto operator<=>(const Outcome&) const = default;
};

brine::Status feed(ZmtpReader& reader, std::string_view bytes, Outcome& outcome) {
  return reader.feed(bytes, outcome.answers, [&](std::string_view message) {
    outcome.messages.emplace_back(message);
    return true;
  });
}

brine::Status feed(ZmtpClientReader& reader, std::string_view bytes, Outcome& outcome) {
  return reader.feed(bytes, outcome.answers, outcome.messages);
}

template <typename Reader>
Outcome read_in_pieces(std::string_view bytes, std::size_t piece) {
  Reader reader(kLimit);
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size() && outcome.sound; at += piece)
    outcome.sound = feed(reader, bytes.substr(at, piece), outcome).has_value();
  for (const std::string& message : outcome.messages) {
    if (message.size() > kLimit) std::abort();
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = data[0] % 97 + 1;
  if (read_in_pieces<ZmtpReader>(bytes, piece) != read_in_pieces<ZmtpReader>(bytes, bytes.size())) std::abort();
  if (read_in_pieces<ZmtpClientReader>(bytes, piece) != read_in_pieces<ZmtpClientReader>(bytes, bytes.size())) std::abort();
  return 0;
}
