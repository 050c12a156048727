#include "store/redis/endpoint.h"

#include <gmock/gmock.h>

namespace brine::store::redis {
namespace {

using testing::HasSubstr;

TEST(RedisEndpoint, AddressesOfAllKinds) {
  const auto tcp = parse_endpoint("redis://store.example.org:7000/3");
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->text(), "store.example.org:7000");
  EXPECT_EQ(tcp->database, 3);
  EXPECT_EQ(parse_endpoint("redis://store")->servers[0].port, 6379);
  EXPECT_EQ(parse_endpoint("redis://[::1]:7000")->text(), "[::1]:7000");
  const auto socket = parse_endpoint("unix:///run/redis.sock?database=2");
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->servers[0].path, "/run/redis.sock");
  EXPECT_EQ(socket->database, 2);
  const auto sentinel = parse_endpoint("redis+sentinel://a,b:1,[::1]/prime/4");
  ASSERT_TRUE(sentinel);
  EXPECT_EQ(sentinel->text(), "'prime' of the sentinels a:26379,b:1,[::1]:26379");
  EXPECT_EQ(sentinel->database, 4);
}

TEST(RedisEndpoint, WhatIsWrongIsSaidWithTheForm) {
  const auto why = [](const char* url) { return parse_endpoint(url).error().message; };
  EXPECT_THAT(why("localhost:6379"), HasSubstr("redis://host:port/database"));
  EXPECT_THAT(why("redis://user:pass@host"), HasSubstr("set user and password_file beside it"));
  EXPECT_THAT(why("rediss://host"), HasSubstr("stunnel"));
  EXPECT_THAT(why("redis://host:99999"), HasSubstr("'99999' is no port"));
  EXPECT_THAT(why("redis://host/x"), HasSubstr("'x' is no number of a database"));
  EXPECT_THAT(why("redis:///0"), HasSubstr("a host is missing"));
  EXPECT_THAT(why("unix://run/x"), HasSubstr("begin with '/'"));
  EXPECT_THAT(why("redis+sentinel://a,b"), HasSubstr("name"));
}

}  // namespace
}  // namespace brine::store::redis
