#include "loadtest/swarm_link.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <cerrno>
#include <set>

#include "tests/unit/loadtest/far_end.h"

namespace brine::loadtest {
namespace {

class Links : public testing::Test {
 protected:
  Links() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    settings_.epoll = epoll_.get();
    settings_.stream.max_output = 1U << 20;
    settings_.destinations = *resolve({far_.endpoint()});
  }

  // One turn of a loop: waits for an event if there is something to wait for.
  SwarmLink::Events turn() {
    epoll_event event{};
    const int ready = ::epoll_wait(epoll_.get(), &event, 1, static_cast<int>(kPatience.count()));
    EXPECT_EQ(ready, 1) << "nothing happened";
    const auto events = link_.on_ready(event.events, frames_, now());
    if (!events.lost) link_.settle();
    return events;
  }
  void open() {
    link_.connect(far_.endpoint(), now());
    far_.accept();
    far_.write(net::zmtp_server_opening());
    while (!turn().connected) {
    }
  }
  bool quiet() {
    epoll_event event{};
    return ::epoll_wait(epoll_.get(), &event, 1, 0) == 0;
  }
  static MonoTime now() { return std::chrono::steady_clock::now(); }

  FarEnd far_;
  Fd epoll_;
  LinkSettings settings_;
  SwarmLink link_{settings_, 3, 260};
  std::deque<std::string> frames_;
};

TEST_F(Links, CarriesFramesBothWays) {
  open();
  ASSERT_TRUE(link_.send("up"));
  link_.settle();
  EXPECT_EQ(far_.hear(), "up");
  far_.say("down");
  while (frames_.empty()) turn();
  EXPECT_EQ(frames_.front(), "down");
}

TEST_F(Links, TakesNothingBeforeTheConnectionStands) {
  EXPECT_FALSE(link_.send("early"));
  link_.connect(far_.endpoint(), now());
  EXPECT_FALSE(link_.send("early"));
}

TEST_F(Links, AnEndpointNobodyListensAtIsALoss) {
  std::string endpoint;
  {
    const FarEnd gone;
    endpoint = gone.endpoint();
  }
  settings_.destinations = *resolve({endpoint});
  link_.connect(endpoint, now());
  EXPECT_TRUE(turn().lost);
}

TEST_F(Links, AnUnknownEndpointIsALossAtTheNextLook) {
  link_.connect("tcp://127.0.0.1:1", now());
  EXPECT_LE(link_.next_look(), now());
  EXPECT_TRUE(link_.look(now()).lost);
}

TEST_F(Links, WhatCameBeforeTheEndIsTakenFirst) {
  open();
  far_.say("last words");
  far_.close();
  while (!turn().lost) {
  }
  EXPECT_EQ(frames_, std::deque<std::string>{"last words"});
}

TEST_F(Links, APeerThatDoesNotReadFillsTheQueueAndNoMore) {
  open();
  const std::string frame(64U << 10, 'x');
  int taken = 0;
  while (link_.send(frame)) {
    link_.settle();
    ++taken;
    ASSERT_LT(taken, 10'000) << "no bound";
  }
  EXPECT_FALSE(link_.drained());
  for (int i = 0; i < taken; ++i) {
    ASSERT_EQ(far_.hear(), frame);
    link_.settle();
  }
  EXPECT_TRUE(link_.drained());
  EXPECT_TRUE(link_.send(frame));
}

TEST_F(Links, AResetIsSeenAsOneByThePeer) {
  open();
  const auto generation = link_.generation();
  link_.reset();
  EXPECT_NE(link_.generation(), generation);
  EXPECT_EQ(far_.end(), ECONNRESET);
}

TEST_F(Links, ADisconnectHandsOverWhatWaitsAndEndsInOrder) {
  open();
  ASSERT_TRUE(link_.send("goodbye"));
  link_.disconnect();
  EXPECT_EQ(far_.hear(), "goodbye");
  EXPECT_EQ(far_.end(), 0);
}

TEST_F(Links, ABlackHoleLetsNothingThroughAndIsNotClosed) {
  open();
  far_.take_opening();
  link_.black_hole(MonoTime::max());
  ASSERT_TRUE(link_.send("lost"));
  link_.settle();
  far_.say("unheard");
  EXPECT_TRUE(quiet());
  EXPECT_TRUE(link_.look(now() + milliseconds(20'000)).lost) << "the heartbeats notice";
  link_.disconnect();
  EXPECT_EQ(settings_.abandoned.size(), 1U);
  EXPECT_FALSE(far_.has_something());
  settings_.abandoned.clear();
  EXPECT_EQ(far_.end(), ECONNRESET) << "it was open until now, with something unread";
}

TEST_F(Links, ASuspendedLinkGoesOnWhereItStopped) {
  open();
  link_.suspend();
  far_.say("later");
  ASSERT_TRUE(link_.send("held"));
  link_.settle();
  EXPECT_TRUE(quiet());
  link_.resume();
  link_.settle();
  EXPECT_EQ(far_.hear(), "held");
  while (frames_.empty()) turn();
  EXPECT_EQ(frames_.front(), "later");
}

TEST_F(Links, ASlowReaderTakesSoManyBytesAtATime) {
  open();
  link_.read_slowly(400);
  far_.say(std::string(1'000, 'x'));
  turn();
  EXPECT_TRUE(frames_.empty());
  EXPECT_TRUE(quiet()) << "it does not look before its time";
  const MonoTime again = link_.next_look();
  EXPECT_GT(again, now());
  EXPECT_LE(again, now() + milliseconds(250));
}

TEST_F(Links, ComesFromASourceAddressOfItsOwn) {
  settings_.source_ips = true;
  link_.connect(far_.endpoint(), now());
  far_.accept();
  EXPECT_EQ(far_.peer(), "127.1.1.11");
}

TEST(SourceAddress, IsItsOwnForEachOfManyMinions) {
  std::set<in_addr_t> addresses;
  for (std::uint32_t number = 0; number < 100'000; ++number) addresses.insert(source_address(number).s_addr);
  EXPECT_EQ(addresses.size(), 100'000U);
}

TEST(Destinations, NameWhatIsWrong) {
  EXPECT_EQ(resolve({"127.0.0.1:1"}).error().code, Code::kInvalid);
  EXPECT_NE(resolve({"tcp://127.0.0.1:port"}).error().message.find("tcp://127.0.0.1:port"), std::string::npos);
  EXPECT_TRUE(all_loopback(*resolve({"tcp://127.0.0.1:1", "tcp://127.9.9.9:2"})));
  EXPECT_FALSE(all_loopback(*resolve({"tcp://127.0.0.1:1", "tcp://192.0.2.1:2"})));
}

}  // namespace
}  // namespace brine::loadtest
