// Any bytes as a ticket, a cookie or wrapped ticket keys; the first byte says as what, and whether they are made up or edits of a
// genuine one. Nothing but the genuine one may be taken.

#include <cstdint>
#include <cstdlib>

#include "net/tickets.h"
#include "tests/fuzz/genuine.h"

namespace {

using namespace brine;
using namespace brine::net;

constexpr UnixMicros kNow = 1'709'210'096'000'000;
constexpr milliseconds kLife{3'600'000};

struct Genuine {
  TicketKeeper keeper{kLife};
  AgreementKey holder = AgreementKey::from_seed(std::string(kKeyBytes, 'h'));
  std::string ticket;
  std::string cookie;
  std::string wrapped;

  Genuine() {
    keeper.rotate(kNow);
    const MinionId id = MinionId::trusted("web1");
    ticket = keeper.seal({id, std::string(kHashBytes, 'k'), 1, 1, kNow, kLife, std::string(kKeyBytes, 'r')});
    cookie = keeper.make_cookie(id);
    wrapped = keeper.wrap(holder.public_key());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Genuine genuine;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto input = [&](const std::string& sound) { return data[0] % 2 == 0 ? std::string(bytes) : altered(sound, bytes); };
  switch (data[0] / 2 % 3) {
    case 0: {
      const std::string ticket = input(genuine.ticket);
      if (genuine.keeper.open(ticket, kNow).has_value() != (ticket == genuine.ticket)) std::abort();
      break;
    }
    case 1: {
      const std::string cookie = input(genuine.cookie);
      if (genuine.keeper.knows_cookie(cookie) != (cookie == genuine.cookie)) std::abort();
      break;
    }
    default: {
      const std::string wrapped = input(genuine.wrapped);
      TicketKeeper other(kLife);
      if (other.unwrap(genuine.holder, wrapped).has_value() != (wrapped == genuine.wrapped)) std::abort();
      break;
    }
  }
  return 0;
}
