#include "wire/relay.h"

#include <gtest/gtest.h>

#include "tests/unit/wire/samples.h"

namespace brine::wire {
namespace {

Relayed plain(std::string bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return {false, size, std::move(bytes)};
}

RelayUp with_grains(std::size_t bytes) {
  RelayUp message;
  message.grains.push_back({1, std::string(bytes, 'x')});
  return message;
}

TEST(RelayCodec, WhatCompressesWellIsCompressedAndComesBackWhole) {
  const Relayed packed = pack(with_grains(100'000), true);
  EXPECT_TRUE(packed.compressed);
  EXPECT_LT(packed.data.size(), 1'000U);
  const auto again = unpack_up(packed);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->grains.at(0).grains, std::string(100'000, 'x'));
}

TEST(RelayCodec, SmallOrRandomMessagesStayAsTheyAre) {
  EXPECT_FALSE(pack(with_grains(10), true).compressed);
  EXPECT_FALSE(pack(with_grains(100'000), false).compressed);
  RelayUp noise;
  std::string bytes;
  std::uint32_t state = 1;
  for (int i = 0; i < 10'000; ++i) bytes.push_back(static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24));
  noise.grains.push_back({1, bytes});
  EXPECT_FALSE(pack(noise, true).compressed);
}

TEST(RelayCodec, ASizeThatIsNotTheTrueOneIsAnError) {
  Relayed packed = pack(with_grains(100'000), true);
  for (const std::uint32_t size : {0U, packed.size - 1, packed.size + 1, static_cast<std::uint32_t>(kMaxRelayBytes) + 1, UINT32_MAX}) {
    packed.size = size;
    EXPECT_FALSE(unpack_up(packed)) << size;
  }
}

TEST(RelayCodec, ABombIsRefusedBeforeItIsOpened) {
  Relayed bomb = pack(with_grains(kMaxRelayBytes + 1'000), true);
  ASSERT_TRUE(bomb.compressed);
  EXPECT_FALSE(unpack_up(bomb));
}

TEST(RelayCodec, BytesThatWereNotCompressedCannotBeDecompressed) {
  EXPECT_FALSE(unpack_up({true, 100, std::string(100, 'x')}));
  EXPECT_FALSE(unpack_down({true, 100, ""}));
}

TEST(RelayCodec, AnEmptyChainAndOneThatIsTooLongAreErrors) {
  RelayUp message = sample_relay_up();
  message.opened[0].chain.clear();
  EXPECT_FALSE(unpack_up(pack(message, false)));
  message.opened[0].chain.assign(kMaxHops + 1, sample_relay_up().attachment[0]);
  EXPECT_FALSE(unpack_up(pack(message, false)));
}

TEST(RelayCodec, IdsAreJudged) {
  RelayUp message = sample_relay_up();
  message.admissions[0].id = MinionId::trusted("../../etc/passwd");
  EXPECT_FALSE(unpack_up(pack(message, false)));
  RelayDown down = sample_relay_down();
  down.jobs[0].expected[1] = MinionId::trusted("a/b");
  EXPECT_FALSE(unpack_down(pack(down, false)));
}

TEST(RelayCodec, ARecipientBeyondTheExpectedIdsIsAnError) {
  RelayDown down = sample_relay_down();
  down.jobs[0].recipients[0].index = 2;
  EXPECT_FALSE(unpack_down(pack(down, false)));
}

TEST(RelayCodec, AChainIsKeptAsBytes) {
  const Chain chain = sample_relay_up().opened[0].chain;
  const auto again = decode_chain(encode_chain(chain));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, chain);
  EXPECT_FALSE(decode_chain("nonsense"));
  EXPECT_FALSE(unpack_up(plain(encode_chain(chain) + "x")));
}

TEST(RelayCodec, EmptyMeansThatNothingIsToBeSent) {
  EXPECT_TRUE(RelayUp{}.empty());
  EXPECT_TRUE(RelayDown{}.empty());
  EXPECT_FALSE(sample_relay_up().empty());
  EXPECT_FALSE(sample_relay_down().empty());
}

}  // namespace
}  // namespace brine::wire
