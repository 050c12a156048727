#include "net/tickets.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/unit/net/cluster.h"

namespace brine::net {
namespace {

constexpr milliseconds kLife{3'600'000};

TicketContent content() {
  TicketContent c;
  c.id = MinionId::trusted("web1");
  c.key_hash = std::string(kHashBytes, 'h');
  c.key_version = 0x0102030405060708;
  c.manifest_epoch = 5;
  c.issued = kNow;
  c.life = kLife;
  c.resumption_secret = std::string(kKeyBytes, 'r');
  return c;
}

auto fields(const TicketContent& c) {
  return std::tuple(c.id.str(), c.key_hash, c.key_version, c.manifest_epoch, c.issued, c.life.count(), c.resumption_secret);
}

class TicketsTest : public testing::Test {
 protected:
  TicketsTest() { keeper_.rotate(kNow); }
  TicketKeeper keeper_{kLife};
};

TEST_F(TicketsTest, TicketHoldsWhatWasSealed) {
  const auto opened = keeper_.open(keeper_.seal(content()), kNow);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(fields(*opened), fields(content()));
}

TEST_F(TicketsTest, LongestIdFitsTheWire) {
  TicketContent c = content();
  c.id = MinionId::trusted(std::string(253, 'a'));
  const std::string ticket = keeper_.seal(c);
  EXPECT_LE(ticket.size(), 512U);
  EXPECT_TRUE(keeper_.open(ticket, kNow));
}

TEST_F(TicketsTest, TicketIsGoodUntilItsLifeIsOver) {
  const std::string ticket = keeper_.seal(content());
  EXPECT_TRUE(keeper_.open(ticket, kNow + kHour));
  EXPECT_FALSE(keeper_.open(ticket, kNow + kHour + 1));
  EXPECT_FALSE(keeper_.open(ticket, kNow - 1)) << "issued in the future";
}

TEST_F(TicketsTest, EveryAlteredByteIsRefused) {
  const std::string ticket = keeper_.seal(content());
  for (std::size_t at = 0; at < ticket.size(); ++at) {
    std::string altered = ticket;
    altered[at] = static_cast<char>(altered[at] ^ 0x20);
    EXPECT_FALSE(keeper_.open(altered, kNow)) << at;
    EXPECT_FALSE(keeper_.open(ticket.substr(0, at), kNow)) << at;
  }
}

TEST_F(TicketsTest, TicketsOfOneContentDiffer) { EXPECT_NE(keeper_.seal(content()), keeper_.seal(content())); }

TEST_F(TicketsTest, TicketOfAnotherKeeperIsRefused) {
  TicketKeeper other(kLife);
  other.rotate(kNow);
  EXPECT_FALSE(keeper_.open(other.seal(content()), kNow));
}

TEST_F(TicketsTest, EarlierKeysStillOpenAndForgottenOnesDoNot) {
  const std::string ticket = keeper_.seal(content());
  const std::string cookie = keeper_.make_cookie(content().id);
  for (int i = 0; i < 31; ++i) keeper_.rotate(kNow);
  EXPECT_TRUE(keeper_.open(ticket, kNow));
  EXPECT_TRUE(keeper_.knows_cookie(cookie));
  keeper_.rotate(kNow);
  EXPECT_FALSE(keeper_.open(ticket, kNow));
  EXPECT_FALSE(keeper_.knows_cookie(cookie));
}

TEST_F(TicketsTest, KeyIsRotatedOncePerLife) {
  EXPECT_FALSE(keeper_.rotate_if_due(kNow + kHour - 1));
  EXPECT_TRUE(keeper_.rotate_if_due(kNow + kHour));
  EXPECT_FALSE(keeper_.rotate_if_due(kNow + kHour));
}

TEST_F(TicketsTest, ClockThatWentBackRotatesAsWell) { EXPECT_TRUE(keeper_.rotate_if_due(kNow - 1)); }

TEST_F(TicketsTest, FirstKeyIsDueAtOnce) {
  TicketKeeper fresh(kLife);
  EXPECT_TRUE(fresh.rotate_if_due(kNow));
  EXPECT_TRUE(fresh.open(fresh.seal(content()), kNow));
}

TEST_F(TicketsTest, CookieIsKnownAndIsNoTicket) {
  const std::string cookie = keeper_.make_cookie(content().id);
  EXPECT_TRUE(keeper_.knows_cookie(cookie));
  EXPECT_FALSE(keeper_.open(cookie, kNow));
  EXPECT_FALSE(keeper_.knows_cookie(keeper_.seal(content())));
}

TEST_F(TicketsTest, EveryAlteredByteOfACookieIsRefused) {
  const std::string cookie = keeper_.make_cookie(content().id);
  for (std::size_t at = 0; at < cookie.size(); ++at) {
    std::string altered = cookie;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    EXPECT_FALSE(keeper_.knows_cookie(altered)) << at;
  }
  EXPECT_FALSE(keeper_.knows_cookie(""));
}

TEST_F(TicketsTest, WrappedKeysOpenTheSameTickets) {
  const AgreementKey holder = AgreementKey::generate();
  const std::string old_ticket = keeper_.seal(content());
  keeper_.rotate(kNow);
  TicketKeeper restarted(kLife);
  ASSERT_TRUE(restarted.unwrap(holder, keeper_.wrap(holder.public_key())));
  EXPECT_TRUE(restarted.open(old_ticket, kNow));
  EXPECT_TRUE(restarted.open(keeper_.seal(content()), kNow));
  EXPECT_TRUE(keeper_.open(restarted.seal(content()), kNow)) << "the current key is the same";
  EXPECT_FALSE(restarted.rotate_if_due(kNow)) << "and so is its age";
}

TEST_F(TicketsTest, KeysWrappedForAnotherAreRefusedAndOwnKeysKept) {
  const AgreementKey holder = AgreementKey::generate();
  const std::string ticket = keeper_.seal(content());
  TicketKeeper other(kLife);
  other.rotate(kNow);
  EXPECT_FALSE(keeper_.unwrap(AgreementKey::generate(), other.wrap(holder.public_key())));
  EXPECT_TRUE(keeper_.open(ticket, kNow));
}

TEST_F(TicketsTest, EveryAlteredByteOfWrappedKeysIsRefused) {
  const AgreementKey holder = AgreementKey::generate();
  const std::string wrapped = keeper_.wrap(holder.public_key());
  for (std::size_t at = 0; at < wrapped.size(); ++at) {
    std::string altered = wrapped;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    EXPECT_FALSE(keeper_.unwrap(holder, altered)) << at;
  }
  EXPECT_FALSE(keeper_.unwrap(holder, ""));
  EXPECT_FALSE(keeper_.unwrap(holder, wrapped.substr(0, 40)));
}

TEST_F(TicketsTest, SecretsAreNotInTheWrappedKeysOrTickets) {
  EXPECT_EQ(keeper_.seal(content()).find("rrrr"), std::string::npos);
  EXPECT_EQ(keeper_.seal(content()).find("web1"), std::string::npos);
}

}  // namespace
}  // namespace brine::net
