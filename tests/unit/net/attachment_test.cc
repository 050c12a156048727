#include "net/attachment.h"

#include <gtest/gtest.h>

namespace brine::net {
namespace {

const std::string kRoot(32, 'r');

MinionId id(std::string_view text) { return MinionId::parse(text).value_or(MinionId()); }

struct Three {
  SigningKey minion = SigningKey::generate();
  SigningKey lower = SigningKey::generate();
  SigningKey upper = SigningKey::generate();
  wire::Chain chain{attach(minion, id("m1"), kRoot, lower.public_key(), 10), attach(lower, id("s2"), kRoot, upper.public_key(), 5)};
};

TEST(Attachment, AChainHoldsFromTheMinionToTheSyndicThatShowsIt) {
  const Three three;
  EXPECT_TRUE(verify_chain(three.chain, kRoot, three.upper.public_key()));
}

TEST(Attachment, NoLinkOfItCanBeLeftOutOrTurnedAround) {
  const Three three;
  EXPECT_FALSE(verify_chain({}, kRoot, three.upper.public_key()));
  EXPECT_FALSE(verify_chain({three.chain[0]}, kRoot, three.upper.public_key()));
  EXPECT_FALSE(verify_chain({three.chain[1], three.chain[0]}, kRoot, three.upper.public_key()));
  EXPECT_TRUE(verify_chain({three.chain[1]}, kRoot, three.upper.public_key()));
}

TEST(Attachment, ItHoldsForOneSyndicOfOneCluster) {
  const Three three;
  EXPECT_FALSE(verify_chain(three.chain, kRoot, three.lower.public_key()));
  EXPECT_FALSE(verify_chain(three.chain, std::string(32, 'x'), three.upper.public_key()));
}

TEST(Attachment, EverythingInItIsSigned) {
  const Three three;
  for (const int what : {0, 1, 2, 3}) {
    wire::Chain altered = three.chain;
    store::Attachment& link = altered[0];
    if (what == 0) link.id = id("m2");
    if (what == 1) link.issued = 11;
    if (what == 2) link.signature[0] = static_cast<char>(link.signature[0] ^ 1);
    if (what == 3) link.public_key = three.lower.public_key();
    EXPECT_FALSE(verify_chain(altered, kRoot, three.upper.public_key())) << what;
  }
}

// What separates the parts cannot be shifted: "m1" at one time is not "m" at another.
TEST(Attachment, IdsOfOtherLengthsAreOtherWords) {
  const SigningKey key = SigningKey::generate(), syndic = SigningKey::generate();
  wire::Chain chain{attach(key, id("m1"), kRoot, syndic.public_key(), 0x31)};
  chain[0].id = id("m");
  EXPECT_FALSE(verify_chain(chain, kRoot, syndic.public_key()));
}

}  // namespace
}  // namespace brine::net
