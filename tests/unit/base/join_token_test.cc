#include "base/join_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brine {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kText = "0123456789abcdef.00112233445566778899aabbccddeeff";

TEST(JoinToken, IsReadBackAsItWasWritten) {
  const auto token = JoinToken::parse(kText);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->id, "0123456789abcdef");
  EXPECT_EQ(token->secret, "00112233445566778899aabbccddeeff");
  EXPECT_EQ(token->text(), kText);
}

TEST(JoinToken, OtherTextsAreRefusedAndNotRepeated) {
  for (const char* text : {"", ".", "0123456789abcdef", "0123456789abcdef.", "0123456789abcde.00112233445566778899aabbccddeeff",
                           "0123456789abcdef.00112233445566778899aabbccddeef", "0123456789ABCDEF.00112233445566778899aabbccddeeff",
                           "0123456789abcdef.00112233445566778899aabbccddeeff ", "0123456789abcdef.00112233445566778899aabbccddeefg",
                           "0123456789abcdef:00112233445566778899aabbccddeeff"}) {
    const auto token = JoinToken::parse(text);
    ASSERT_FALSE(token) << text;
    EXPECT_EQ(token.error().code, Code::kInvalid);
    EXPECT_THAT(token.error().message, HasSubstr("--token-create"));
    EXPECT_THAT(token.error().message, Not(HasSubstr("00112233")));
  }
}

}  // namespace
}  // namespace brine
