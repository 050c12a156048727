#include "base/bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

namespace brine {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::string every_byte() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

TEST(Hex, EveryByteRoundTrips) {
  EXPECT_EQ(to_hex("\x00\xff\x0a"sv), "00ff0a");
  EXPECT_EQ(from_hex(to_hex(every_byte())), every_byte());
  EXPECT_EQ(from_hex("AbCd"), "\xab\xcd"s);
  EXPECT_EQ(from_hex(""), "");
}

TEST(Hex, OddLengthAndOtherCharactersAreRefused) {
  for (const std::string_view text : {"a"sv, "abc"sv, "0g"sv, "g0"sv, "0x"sv, " 0"sv, "0\0"sv}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(Hex, FingerprintsAreColonSeparated) {
  EXPECT_EQ(to_colon_hex("\x01\xab\x00"sv), "01:ab:00");
  EXPECT_EQ(to_colon_hex("\x01"sv), "01");
  EXPECT_EQ(to_colon_hex(""), "");
}

// RFC 4648 section 10.
TEST(Base64, VectorsOfTheRfcHold) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64(plain), text);
    EXPECT_EQ(from_base64(text), plain);
  }
}

TEST(Base64, EveryLengthAndByteRoundTrips) {
  const std::string bytes = every_byte();
  for (std::size_t size = 0; size <= bytes.size(); ++size)
    ASSERT_EQ(from_base64(to_base64(bytes.substr(256 - size))), bytes.substr(256 - size));
}

TEST(Base64, WhatTheRfcDoesNotProduceIsRefused) {
  for (const std::string_view text : {"Zg"sv, "Zg="sv, "Zg==="sv, "===="sv, "Z==="sv, "=Zg="sv, "Zg==Zg=="sv, "Zm9v\n"sv, "Zm 9"sv,
                                      "Zm9-"sv, "Zm9_"sv, "Z=g="sv, "Zm9\0"sv, "Zm=v"sv})
    EXPECT_FALSE(from_base64(text)) << text;
}

TEST(Base64, BitsBehindTheLastByteMustBeZero) {
  EXPECT_TRUE(from_base64("Zg=="));
  EXPECT_FALSE(from_base64("Zh=="));
  EXPECT_TRUE(from_base64("Zm8="));
  EXPECT_FALSE(from_base64("Zm9="));
}

TEST(Utf8, EdgesOfEveryLengthAreTaken) {
  for (const std::string_view text : {""sv, "\0"sv, "\x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xed\x9f\xbf"sv,
                                      "\xee\x80\x80"sv, "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv, "a\xc3\xa9z"sv})
    EXPECT_TRUE(is_utf8(text)) << to_hex(text);
}

TEST(Utf8, OverlongFormsSurrogatesAndBeyondTheLastPointAreRefused) {
  for (const std::string_view text :
       {"\xc0\x80"sv, "\xc1\xbf"sv, "\xe0\x9f\xbf"sv, "\xf0\x8f\xbf\xbf"sv, "\xed\xa0\x80"sv, "\xed\xbf\xbf"sv, "\xf4\x90\x80\x80"sv,
        "\xf5\x80\x80\x80"sv, "\xf8\x88\x80\x80\x80"sv, "\xff"sv, "\xfe"sv})
    EXPECT_FALSE(is_utf8(text)) << to_hex(text);
}

TEST(Utf8, CutAndStrayBytesAreRefused) {
  for (const std::string_view text :
       {"\x80"sv, "\xbf"sv, "\xc3"sv, "\xe2\x82"sv, "\xf0\x9f\x98"sv, "\xc3z"sv, "\xe2z\x82"sv, "ok\xc3"sv, "\xc3\xa9\xa9"sv})
    EXPECT_FALSE(is_utf8(text)) << to_hex(text);
}

// RFC 3720 appendix B.4, and the check value of the CRC catalogue.
TEST(Crc32c, KnownValuesHold) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43U);
}

TEST(Crc32c, PartsGiveTheSumOfTheWhole) { EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xE3069283U); }

TEST(LittleEndian, IntegersRoundTripLowestByteFirst) {
  std::string out;
  append_le(out, std::uint32_t{0x01020304});
  EXPECT_EQ(out, "\x04\x03\x02\x01");
  EXPECT_EQ(read_le<std::uint32_t>(out), 0x01020304U);
  std::string negative;
  append_le(negative, std::int64_t{-2});
  EXPECT_EQ(read_le<std::int64_t>(negative), -2);
}

}  // namespace
}  // namespace brine
