#include "net/key_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/file.h"
#include "tests/unit/base/temporary_folder.h"
#include "tests/unit/net/cluster.h"

namespace brine::net {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

TEST(KeyFiles, CreatedKeyLoadsAgain) {
  const TemporaryFolder folder;
  const auto created = create_key(folder.path(), "minion");
  ASSERT_TRUE(created) << created.error().message;
  const auto loaded = load_key(folder / "minion.key");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->public_key(), created->public_key());
  EXPECT_EQ(read_file(folder / "minion.pub"), "ed25519 " + to_hex(created->public_key()) + "\n");
}

TEST(KeyFiles, PrivateKeyIsPrivateAndPublicKeyIsNot) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(0);
  ASSERT_TRUE(create_key(folder.path(), "minion"));
  ::umask(before);
  EXPECT_EQ(mode_of(folder / "minion.key"), 0600U);
  EXPECT_EQ(mode_of(folder / "minion.pub"), 0644U);
}

TEST(KeyFiles, ExistingKeyIsNotReplaced) {
  const TemporaryFolder folder;
  const auto first = create_key(folder.path(), "minion");
  ASSERT_TRUE(first);
  EXPECT_EQ(create_key(folder.path(), "minion").error().code, Code::kExists);
  EXPECT_EQ(load_or_create_key(folder.path(), "minion")->public_key(), first->public_key());
}

TEST(KeyFiles, MissingKeyIsNotFoundOrCreated) {
  const TemporaryFolder folder;
  EXPECT_EQ(load_key(folder / "minion.key").error().code, Code::kNotFound);
  const auto created = load_or_create_key(folder.path(), "minion");
  ASSERT_TRUE(created);
  EXPECT_EQ(load_key(folder / "minion.key")->public_key(), created->public_key());
}

TEST(KeyFiles, KeyThatOthersCanReadIsRefusedWithTheRemedy) {
  const TemporaryFolder folder;
  ASSERT_TRUE(create_key(folder.path(), "minion"));
  for (const mode_t mode : {0644U, 0640U, 0604U, 0660U, 0601U}) {
    ASSERT_EQ(::chmod((folder / "minion.key").c_str(), mode), 0);
    const auto loaded = load_key(folder / "minion.key");
    ASSERT_FALSE(loaded) << mode;
    EXPECT_EQ(loaded.error().code, Code::kDenied);
    EXPECT_NE(loaded.error().message.find("chmod 600 " + (folder / "minion.key")), std::string::npos) << loaded.error().message;
    EXPECT_EQ(load_or_create_key(folder.path(), "minion").error().code, Code::kDenied);
  }
  ASSERT_EQ(::chmod((folder / "minion.key").c_str(), 0400), 0);
  EXPECT_TRUE(load_key(folder / "minion.key"));
}

TEST(KeyFiles, MalformedKeyIsRefusedAndLeftAlone) {
  const TemporaryFolder folder;
  const std::string hex = to_hex(key_of('k').seed());
  for (const std::string& text : {std::string(), std::string("\n"), hex, "rsa " + hex + "\n", "ed25519 " + hex.substr(2) + "\n",
                                  "ed25519 " + hex + "00\n", "ed25519 " + hex.substr(1) + "g\n", "ed25519  " + hex + "\n",
                                  "ed25519 " + hex + "\n\n", "ed25519 " + hex + "\ned25519 " + hex + "\n"}) {
    ASSERT_TRUE(replace_file(folder / "bad.key", text, 0600));
    const auto loaded = load_or_create_key(folder.path(), "bad");
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().code, Code::kInvalid);
    EXPECT_EQ(loaded.error().message.find(hex.substr(0, 16)), std::string::npos) << "the message shows the secret";
    EXPECT_EQ(read_file(folder / "bad.key"), text);
  }
  ASSERT_TRUE(replace_file(folder / "bad.key", "ed25519 " + hex, 0600));
  EXPECT_TRUE(load_key(folder / "bad.key")) << "the line end may be missing";
}

TEST(KeyFiles, MissingFolderIsAnError) {
  const TemporaryFolder folder;
  EXPECT_FALSE(create_key(folder / "none", "minion"));
}

}  // namespace
}  // namespace brine::net
