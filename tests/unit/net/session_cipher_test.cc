#include "net/session_cipher.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "tests/unit/net/cluster.h"

namespace brine::net {
namespace {

SessionKeys keys(char session = 's') {
  return {std::string(kSessionIdBytes, session), std::string(kKeyBytes, 'u'), std::string(kIvBytes, 'v'),
          std::string(kKeyBytes, 'd'),           std::string(kIvBytes, 'e'),  std::string(kKeyBytes, 'r')};
}

std::string sealed_body(SessionCipher& from, std::string_view plain) { return body_of(from.seal(plain).value(), wire::FrameType::kSealed); }

class SessionCipherTest : public testing::Test {
 protected:
  SessionCipher minion_{keys(), Side::kMinion};
  SessionCipher master_{keys(), Side::kMaster};
};

TEST_F(SessionCipherTest, BothDirectionsCarryMessagesInOrder) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(master_.open(sealed_body(minion_, "up " + std::to_string(i))), "up " + std::to_string(i));
    EXPECT_EQ(minion_.open(sealed_body(master_, "down " + std::to_string(i))), "down " + std::to_string(i));
  }
  EXPECT_EQ(minion_.sealed_count(), 100U);
}

TEST_F(SessionCipherTest, EmptyAndLargePlaintextsPass) {
  const std::string large = std::string(1U << 20, 'x') + "end";
  EXPECT_EQ(master_.open(sealed_body(minion_, "")), "");
  EXPECT_EQ(master_.open(sealed_body(minion_, large)), large);
  EXPECT_EQ(master_.open(sealed_body(minion_, std::string_view())), "");
}

TEST_F(SessionCipherTest, FrameHasCounterCiphertextAndTag) {
  sealed_body(minion_, "first");
  const std::string body = sealed_body(minion_, "second");
  EXPECT_EQ(body.size(), 8 + 6 + kTagBytes);
  EXPECT_EQ(read_le<std::uint64_t>(body), 1U);
}

TEST_F(SessionCipherTest, ReplayIsRefused) {
  const std::string first = sealed_body(minion_, "first");
  ASSERT_TRUE(master_.open(first));
  const auto again = master_.open(first);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kCorrupt);
}

TEST_F(SessionCipherTest, SkippedFrameIsRefused) {
  sealed_body(minion_, "lost");
  EXPECT_FALSE(master_.open(sealed_body(minion_, "second")));
}

TEST_F(SessionCipherTest, ReorderedFramesAreRefused) {
  const std::string first = sealed_body(minion_, "first");
  const std::string second = sealed_body(minion_, "second");
  EXPECT_FALSE(master_.open(second));
  EXPECT_TRUE(master_.open(first));
  EXPECT_TRUE(master_.open(second));
  EXPECT_FALSE(master_.open(first));
}

TEST_F(SessionCipherTest, CounterCannotBeRewritten) {
  const std::string first = sealed_body(minion_, "first");
  std::string again = first;
  again[0] = 1;
  ASSERT_TRUE(master_.open(first));
  EXPECT_FALSE(master_.open(again));
}

TEST_F(SessionCipherTest, EveryAlteredByteIsRefused) {
  const std::string body = sealed_body(minion_, "a message of some length");
  for (std::size_t at = 0; at < body.size(); ++at) {
    for (const int flip : {0x01, 0x80}) {
      std::string altered = body;
      altered[at] = static_cast<char>(altered[at] ^ flip);
      EXPECT_EQ(master_.open(altered).error().code, Code::kCorrupt) << at;
    }
  }
  EXPECT_TRUE(master_.open(body));
}

TEST_F(SessionCipherTest, EveryTruncationAndExtensionIsRefused) {
  const std::string body = sealed_body(minion_, "a message");
  for (std::size_t size = 0; size < body.size(); ++size) EXPECT_FALSE(master_.open(body.substr(0, size))) << size;
  EXPECT_FALSE(master_.open(body + '\0'));
}

TEST_F(SessionCipherTest, FrameOfTheOtherDirectionIsRefused) {
  EXPECT_FALSE(minion_.open(sealed_body(minion_, "reflected")));
  SessionKeys one_key = keys();
  one_key.master_to_minion_key = one_key.minion_to_master_key;
  one_key.master_to_minion_iv = one_key.minion_to_master_iv;
  SessionCipher symmetric(one_key, Side::kMinion);
  EXPECT_FALSE(symmetric.open(sealed_body(symmetric, "reflected"))) << "the direction is in the associated data";
}

TEST_F(SessionCipherTest, FrameOfAnotherSessionIsRefused) {
  SessionCipher other(keys('t'), Side::kMinion);
  EXPECT_FALSE(master_.open(sealed_body(other, "same keys, another session id")));
}

TEST_F(SessionCipherTest, SameTextIsNeverSealedAlike) {
  EXPECT_NE(sealed_body(minion_, "x").substr(8), sealed_body(minion_, "x").substr(8));
}

TEST(SessionCipherRekey, MessagesPassThroughManyRekeys) {
  SessionCipher minion(keys(), Side::kMinion, 3);
  SessionCipher master(keys(), Side::kMaster, 3);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(master.open(sealed_body(minion, std::to_string(i))), std::to_string(i)) << i;
}

TEST(SessionCipherRekey, KeyMovesOnExactlyAtTheInterval) {
  SessionCipher rekeyed(keys(), Side::kMinion, 3);
  SessionCipher plain(keys(), Side::kMinion, 1'000);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sealed_body(rekeyed, "x"), sealed_body(plain, "x")) << i;
  EXPECT_NE(sealed_body(rekeyed, "x"), sealed_body(plain, "x"));
}

// docs/wire-format.md: HKDF-Expand(key, "brine-v1 rekey", 44) is the next key and iv.
TEST(SessionCipherRekey, NextKeyIsTheOneInTheWireFormat) {
  SessionCipher minion(keys(), Side::kMinion, 1);
  sealed_body(minion, "first");
  const std::string next = hkdf_expand(keys().minion_to_master_key, "brine-v1 rekey", 44);
  std::string iv = next.substr(32);
  iv.back() = static_cast<char>(iv.back() ^ 1);  // counter 1
  const std::string aad = keys().session_id + "U\x05\x01";
  EXPECT_EQ(Aead(next.substr(0, 32)).open(iv, aad, sealed_body(minion, "second").substr(8)), "second");
}

TEST(SessionCipherRekey, AlteredFrameAtTheIntervalDoesNotMoveTheKey) {
  SessionCipher minion(keys(), Side::kMinion, 1);
  SessionCipher master(keys(), Side::kMaster, 1);
  const std::string body = sealed_body(minion, "x");
  std::string altered = body;
  altered.back() = static_cast<char>(altered.back() ^ 1);
  EXPECT_FALSE(master.open(altered));
  EXPECT_TRUE(master.open(body));
}

}  // namespace
}  // namespace brine::net
