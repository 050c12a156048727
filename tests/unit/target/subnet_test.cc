#include "target/subnet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brine::target {
namespace {

using testing::HasSubstr;

bool inside(std::string_view address, std::string_view subnet) { return Subnet::parse(subnet).value().contains(address); }

TEST(Subnet, ContainsByPrefix) {
  EXPECT_TRUE(inside("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(inside("10.1.2.4", "10.1.2.3"));
  EXPECT_TRUE(inside("10.1.127.255", "10.1.0.0/17"));
  EXPECT_FALSE(inside("10.1.128.0", "10.1.0.0/17"));
  EXPECT_TRUE(inside("10.1.9.9", "10.1.0.0/255.255.0.0"));
  EXPECT_TRUE(inside("255.255.255.255", "0.0.0.0/0"));
  EXPECT_TRUE(inside("fd00::1", "fd00::/8"));
  EXPECT_FALSE(inside("fe00::1", "fd00::/8"));
  EXPECT_TRUE(inside("2001:db8:0:0::1", "2001:db8::1/128"));
  EXPECT_TRUE(inside("fe80::1%eth0", "fe80::/10"));
}

TEST(Subnet, FamiliesDoNotMix) {
  EXPECT_FALSE(inside("::1", "0.0.0.0/0"));
  EXPECT_FALSE(inside("10.0.0.1", "::/0"));
  EXPECT_FALSE(inside("not an address", "0.0.0.0/0"));
  EXPECT_FALSE(inside("", "0.0.0.0/0"));
}

TEST(Subnet, RefusesWhatIsNoNetworkWithAPlace) {
  for (const char* text : {"", "web1", "10.1.2", "10.1.2.3.4", "10.1.2.256", "10.1.2.3 ", "::g", "1:2:3"}) {
    const auto refused = Subnet::parse(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().at, 0U);
  }
  for (const char* text : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/255.0.255.0", "10.0.0.0/::1"}) {
    const auto refused = Subnet::parse(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().at, 9U) << text;
  }
  EXPECT_FALSE(Subnet::parse("::/129"));
}

TEST(Subnet, NamesTheNetworkThatWasMeant) {
  EXPECT_THAT(Subnet::parse("10.1.2.3/8").error().what, HasSubstr("10.0.0.0/8"));
  EXPECT_THAT(Subnet::parse("fd00::1/8").error().what, HasSubstr("fd00::/8"));
}

}  // namespace
}  // namespace brine::target
