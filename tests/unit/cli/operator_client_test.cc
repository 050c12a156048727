#include "net/operator_client.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "tests/unit/cli/fake_master.h"
#include "tests/unit/cli/scratch_socket.h"
#include "wire/frame.h"

namespace brine::net {
namespace {

using cli::FakeMaster;
using cli::ScratchSocket;

constexpr seconds kLong{60};

Fd bound(const std::string& path, bool listening) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(listening ? ::listen(socket.get(), 8) : 0, 0);
  return socket;
}

std::string json_of(const Result<std::optional<std::string>>& frame) {
  if (!frame || !*frame) return "no frame";
  const auto reply = wire::decode_reply(wire::parse_frame(**frame)->body);
  return std::get<wire::RunResult>(*reply).json;
}

TEST(OperatorClient, NoSocketMeansNoMasterAtOnce) {
  const ScratchSocket scratch;
  const auto client = OperatorClient::connect(scratch.path());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, Code::kUnavailable);
  EXPECT_EQ(client.error().message, "no master is listening at " + scratch.path() + "; is brine-master running?");
}

TEST(OperatorClient, ASocketThatAMasterLeftBehindMeansNoMaster) {
  const ScratchSocket scratch;
  bound(scratch.path(), false).reset();
  const auto client = OperatorClient::connect(scratch.path());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, Code::kUnavailable);
}

TEST(OperatorClient, APathThatCannotBeASocketIsNamed) {
  const auto client = OperatorClient::connect("/" + std::string(200, 'x'));
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, Code::kInvalid);
}

TEST(OperatorClient, SpeaksWithALibzmqRouter) {
  const ScratchSocket scratch;
  const std::string big(3U << 20, 'x');
  FakeMaster master(scratch.path(), {[&](const wire::OperatorRequest& request) -> std::vector<wire::OperatorReply> {
                      return {wire::RunResult{std::get<wire::Run>(request).arguments}, wire::RunResult{"2"}};
                    }});
  const auto client = OperatorClient::connect(scratch.path());
  ASSERT_TRUE(client);
  (*client)->send(wire::encode_request(wire::Run{"echo", big}));
  EXPECT_EQ(json_of((*client)->receive(kLong)), big);
  EXPECT_EQ(json_of((*client)->receive(kLong)), "2");
}

TEST(OperatorClient, TellsWhatCameBeforeTheLossThenTheLoss) {
  const ScratchSocket scratch;
  const auto answer = [](const wire::OperatorRequest&) -> std::vector<wire::OperatorReply> {
    return {wire::RunResult{"1"}, wire::RunResult{"2"}};
  };
  FakeMaster master(scratch.path(), {answer}, false);
  const auto client = OperatorClient::connect(scratch.path());
  ASSERT_TRUE(client);
  (*client)->send(wire::encode_request(wire::Run{"x", ""}));
  EXPECT_EQ(json_of((*client)->receive(kLong)), "1");
  EXPECT_EQ(json_of((*client)->receive(kLong)), "2");
  const auto end = (*client)->receive(kLong);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::kUnavailable);
}

TEST(OperatorClient, AMasterThatIsSilentIsGivenUp) {
  const ScratchSocket scratch;
  const Fd silent = bound(scratch.path(), true);
  const auto client = OperatorClient::connect(scratch.path(), {.heartbeat = milliseconds(5), .heartbeat_timeout = milliseconds(20)});
  ASSERT_TRUE(client);
  const auto end = (*client)->receive(kLong);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::kUnavailable);
}

TEST(OperatorClient, NothingInTimeIsNoFrame) {
  const ScratchSocket scratch;
  const Fd silent = bound(scratch.path(), true);
  const auto client = OperatorClient::connect(scratch.path());
  ASSERT_TRUE(client);
  const auto frame = (*client)->receive(milliseconds(1));
  ASSERT_TRUE(frame);
  EXPECT_FALSE(frame->has_value());
}

TEST(OperatorClient, AStopDescriptorEndsTheWait) {
  const ScratchSocket scratch;
  const Fd silent = bound(scratch.path(), true);
  const Fd stop(::eventfd(1, EFD_CLOEXEC));
  const auto client = OperatorClient::connect(scratch.path());
  ASSERT_TRUE(client);
  const auto frame = (*client)->receive(kLong, stop.get());
  ASSERT_TRUE(frame);
  EXPECT_FALSE(frame->has_value());
}

}  // namespace
}  // namespace brine::net
