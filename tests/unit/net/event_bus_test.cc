#include "net/event_bus.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/base/temporary_folder.h"

namespace brine::net {
namespace {

constexpr milliseconds kPatience{30'000};

// Publishes until the subscriber, whose subscription travels, has it.
std::optional<Event> first_event(EventPublisher& publisher, EventSubscriber& subscriber) {
  const MonoTime deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    publisher.publish("brine/job/1", R"({"a": 1})");
    if (auto event = subscriber.receive(milliseconds(20)); event && *event) return *event;
  }
  return std::nullopt;
}

TEST(EventBus, EventReachesASubscriber) {
  const TemporaryFolder folder;
  const auto publisher = EventPublisher::open(folder / "events.ipc", 100);
  ASSERT_TRUE(publisher) << publisher.error().message;
  EXPECT_FALSE((*publisher)->has_subscribers());
  const auto subscriber = EventSubscriber::open(folder / "events.ipc");
  ASSERT_TRUE(subscriber) << subscriber.error().message;
  const auto event = first_event(**publisher, **subscriber);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->tag, "brine/job/1");
  EXPECT_EQ(event->json, R"({"a": 1})");
}

TEST(EventBus, SubscriberThatDoesNotReadHoldsNobodyUp) {
  const TemporaryFolder folder;
  const auto publisher = EventPublisher::open(folder / "events.ipc", 10);
  const auto subscriber = EventSubscriber::open(folder / "events.ipc");
  ASSERT_TRUE(first_event(**publisher, **subscriber));
  for (int i = 0; i < 10'000; ++i) (*publisher)->publish("tag", std::string(1'000, 'x'));
}

TEST(EventBus, MissingSocketIsUnavailable) {
  const TemporaryFolder folder;
  const auto subscriber = EventSubscriber::open(folder / "none.ipc");
  ASSERT_FALSE(subscriber);
  EXPECT_EQ(subscriber.error().code, Code::kUnavailable);
}

TEST(EventBus, FolderThatIsMissingIsUnavailable) {
  const TemporaryFolder folder;
  const auto publisher = EventPublisher::open(folder / "none/events.ipc", 10);
  ASSERT_FALSE(publisher);
  EXPECT_EQ(publisher.error().code, Code::kUnavailable);
}

TEST(EventBus, SocketIsPrivateAndGoesWithItsPublisher) {
  const TemporaryFolder folder;
  {
    const auto publisher = EventPublisher::open(folder / "events.ipc", 10);
    struct stat info{};
    ASSERT_EQ(::stat((folder / "events.ipc").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 077, 0U);
  }
  EXPECT_NE(::access((folder / "events.ipc").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace brine::net
