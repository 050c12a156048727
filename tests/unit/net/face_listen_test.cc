// Which addresses a Face can have, and what it says when it cannot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "net/face.h"
#include "tests/unit/net/face_harness.h"

namespace brine::net {
namespace {

using testing::AllOf;
using testing::HasSubstr;

mode_t mode_of(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

FaceOptions on_ipc(const std::string& path) {
  FaceOptions options;
  options.ipc_path = path;
  return options;
}

FaceOptions on_tcp(const std::string& interface, std::uint16_t port) {
  FaceOptions options;
  options.tcp_interface = interface;
  options.tcp_port = port;
  return options;
}

Result<std::unique_ptr<Face>> open(const FaceOptions& options) { return open_face(options, std::make_shared<FaceRecord>()); }

// What a killed daemon leaves behind.
void leave_stale_socket(const std::string& path) {
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

TEST(FaceListen, StaleSocketFileIsReplaced) {
  const TemporaryFolder folder;
  leave_stale_socket(folder / "s");
  const auto face = open(on_ipc(folder / "s"));
  ASSERT_TRUE(face) << face.error().message;
  (*face)->start();
  RawPeer peer = RawPeer::over_ipc(folder / "s");
  peer.open();
}

TEST(FaceListen, LiveSocketIsLeftAlone) {
  FaceHarness harness;
  const auto second = open(on_ipc(harness.ipc_path()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_THAT(second.error().message, AllOf(HasSubstr(harness.ipc_path()), HasSubstr("another process is listening")));
  RawPeer peer = RawPeer::over_ipc(harness.ipc_path());
  peer.open();
}

TEST(FaceListen, FileThatIsNoSocketIsLeftAlone) {
  const TemporaryFolder folder;
  ASSERT_TRUE(create_file(folder / "precious", "content", 0600));
  const auto face = open(on_ipc(folder / "precious"));
  ASSERT_FALSE(face);
  EXPECT_THAT(face.error().message, HasSubstr(folder / "precious"));
  EXPECT_EQ(read_file(folder / "precious"), "content");
}

TEST(FaceListen, SocketFileHasItsModeWhateverTheUmaskIs) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(0);
  EXPECT_TRUE(open(on_ipc(folder / "private")));
  ::umask(077);
  FaceOptions shared = on_ipc(folder / "shared");
  shared.ipc_mode = 0666;
  EXPECT_TRUE(open(shared));
  EXPECT_EQ(::umask(before), 077U) << "the umask is put back";
  EXPECT_EQ(mode_of(folder / "private"), 0600U);
  EXPECT_EQ(mode_of(folder / "shared"), 0666U);
}

TEST(FaceListen, PathThatIsTooLongIsRefusedWithTheRemedy) {
  const auto face = open(on_ipc("/tmp/" + std::string(110, 'x')));
  ASSERT_FALSE(face);
  EXPECT_EQ(face.error().code, Code::kInvalid);
  EXPECT_THAT(face.error().message, HasSubstr("shorter sock_dir"));
}

TEST(FaceListen, MissingFolderIsUnavailable) {
  const TemporaryFolder folder;
  const auto face = open(on_ipc(folder / "none/s"));
  ASSERT_FALSE(face);
  EXPECT_EQ(face.error().code, Code::kUnavailable);
}

TEST(FaceListen, PortInUseIsUnavailableAndNamed) {
  FaceHarness harness;
  const auto port = harness.face().tcp_port();
  const auto second = open(on_tcp("127.0.0.1", port));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_THAT(second.error().message, AllOf(HasSubstr("127.0.0.1:" + std::to_string(port)), HasSubstr("in use")));
}

TEST(FaceListen, InterfaceThatIsNoAddressIsInvalid) {
  for (const char* interface : {"eth0", "localhost", "999.0.0.1"}) {
    const auto face = open(on_tcp(interface, 0));
    ASSERT_FALSE(face) << interface;
    EXPECT_EQ(face.error().code, Code::kInvalid) << interface;
    EXPECT_THAT(face.error().message, HasSubstr(interface));
  }
}

TEST(FaceListen, FreePortIsChosenForZero) {
  const auto first = open(on_tcp("127.0.0.1", 0));
  const auto second = open(on_tcp("127.0.0.1", 0));
  ASSERT_TRUE(first && second);
  EXPECT_NE((*first)->tcp_port(), 0);
  EXPECT_NE((*first)->tcp_port(), (*second)->tcp_port());
}

}  // namespace
}  // namespace brine::net
