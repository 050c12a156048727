#include "loadtest/operator_line.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>

#include "tests/unit/base/temporary_folder.h"
#include "tests/unit/loadtest/far_end.h"
#include "wire/frame.h"

namespace brine::loadtest {
namespace {

class Lines : public testing::Test {
 protected:
  void open() {
    ASSERT_TRUE(line_.connect(path_, now()));
    far_.accept();
    far_.write(net::zmtp_server_opening());
    while (!line_.is_ready()) ASSERT_TRUE(turn());
  }
  Status turn() {
    epoll_event event{};
    EXPECT_EQ(::epoll_wait(epoll_.get(), &event, 1, static_cast<int>(kPatience.count())), 1);
    return line_.on_ready(replies_, now());
  }
  static MonoTime now() { return std::chrono::steady_clock::now(); }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "operator.ipc";
  FarEnd far_{path_};
  Fd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  const StreamOptions options_;
  OperatorLine line_{epoll_.get(), 0, options_};
  std::deque<wire::OperatorReply> replies_;
};

TEST_F(Lines, SubmitsAndTakesTheRepliesInOrder) {
  open();
  wire::Submit submit;
  submit.target = "web*";
  ASSERT_TRUE(line_.submit(submit));
  const std::string frame = far_.hear();
  const auto request = wire::decode_request(wire::parse_frame(frame)->body);
  ASSERT_TRUE(request);
  EXPECT_EQ(std::get<wire::Submit>(*request).target, "web*");
  far_.say(wire::encode_reply(wire::Accepted{job_id_at(1), 2}));
  far_.say(wire::encode_reply(wire::Finished{}));
  while (replies_.size() < 2) ASSERT_TRUE(turn());
  EXPECT_EQ(std::get<wire::Accepted>(replies_[0]).expected, 2U);
  EXPECT_TRUE(std::holds_alternative<wire::Finished>(replies_[1]));
}

TEST_F(Lines, WhatCameBeforeTheEndIsTakenFirst) {
  open();
  far_.say(wire::encode_reply(wire::Finished{}));
  far_.close();
  Status status;
  while (status) status = turn();
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_EQ(replies_.size(), 1U);
}

TEST_F(Lines, TakesNothingBeforeItIsReady) {
  EXPECT_FALSE(line_.submit({}));
  ASSERT_TRUE(line_.connect(path_, now()));
  EXPECT_FALSE(line_.submit({}));
}

TEST_F(Lines, ASocketNobodyListensAtIsAClearError) {
  const auto connected = line_.connect(folder_ / "none", now());
  ASSERT_FALSE(connected);
  EXPECT_NE(connected.error().message.find("none"), std::string::npos);
  EXPECT_FALSE(line_.is_open());
}

}  // namespace
}  // namespace brine::loadtest
