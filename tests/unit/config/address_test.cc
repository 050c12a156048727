#include "config/address.h"

#include <gtest/gtest.h>

namespace brine::config {
namespace {

TEST(Address, HostAndPortAreTakenApart) {
  EXPECT_EQ(parse_address("web-1.example"), (Address{.host = "web-1.example"}));
  EXPECT_EQ(parse_address("10.0.0.1:4506"), (Address{.host = "10.0.0.1", .port = 4506}));
  EXPECT_EQ(parse_address("tcp://m:1"), (Address{.host = "m", .port = 1}));
}

TEST(Address, Ipv6StandsWithAndWithoutBrackets) {
  EXPECT_EQ(parse_address("::1"), (Address{.host = "::1"}));
  EXPECT_EQ(parse_address("[::1]"), (Address{.host = "::1"}));
  EXPECT_EQ(parse_address("[fe80::1%eth0]:4506"), (Address{.host = "fe80::1%eth0", .port = 4506}));
}

TEST(Address, LocalSocketNeedsAnAbsolutePath) {
  EXPECT_EQ(parse_address("ipc:///run/b.ipc"), (Address{.ipc_path = "/run/b.ipc"}));
  EXPECT_FALSE(parse_address("ipc://b.ipc"));
  EXPECT_FALSE(parse_address("ipc:///" + std::string(200, 'x')));
}

TEST(Address, WhatIsNoAddressIsRefused) {
  for (const char* text : {"", ":4506", "m:", "m:x", "m:70000", "m:1:2", "a b", "[::1", "[::1]x", "[m]:1", "http://m", "m/1", "tcp://"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST(Address, EndpointIsReadBack) {
  for (const char* text : {"tcp://m:4506", "tcp://[::1]:4506", "ipc:///run/b.ipc"}) EXPECT_EQ(parse_address(text)->endpoint(), text);
}

}  // namespace
}  // namespace brine::config
