#include "master/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"
#include "net/key_files.h"
#include "tests/unit/engine/fake_clock.h"
#include "tests/unit/store/scratch_folder.h"

namespace brine::master {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr int kDays = 100;

class IdentityTest : public testing::Test {
 protected:
  Result<Identity> open() { return Identity::open(pki, "master1", kDays, clock); }
  Identity opened() {
    auto identity = open();
    EXPECT_TRUE(identity.has_value()) << (identity ? "" : identity.error().message);
    return std::move(*identity);
  }
  std::string error() {
    const auto identity = open();
    EXPECT_FALSE(identity.has_value());
    return identity ? "" : identity.error().message;
  }
  bool exists(const std::string& name) const { return std::filesystem::exists(pki + "/" + name); }
  mode_t mode(const std::string& name) const {
    struct stat info{};
    EXPECT_EQ(::stat((pki + "/" + name).c_str(), &info), 0) << name;
    return info.st_mode & 0777;
  }
  void remove(const std::string& name) const { std::filesystem::remove(pki + "/" + name); }
  void pass_days(int days) { clock.advance(std::chrono::hours(24) * days); }

  FakeClock clock;
  store::ScratchFolder folder;
  const std::string pki = folder / "etc/pki";
};

TEST_F(IdentityTest, FirstStartMakesRootMasterAndManifest) {
  const Identity identity = opened();
  EXPECT_EQ(mode("root.key"), 0600u);
  EXPECT_EQ(mode("master.key"), 0600u);
  EXPECT_TRUE(exists("root.pub"));
  EXPECT_TRUE(exists("master.pub"));
  EXPECT_EQ(*read_file(pki + "/master.pub"), net::public_key_text(identity.key().public_key()));
  EXPECT_EQ(*read_file(pki + "/root.pub"), net::public_key_text(identity.root_public_key()));
  const wire::Manifest& manifest = identity.manifest();
  EXPECT_EQ(manifest.epoch, 1u);
  EXPECT_EQ(manifest.issued, kStart);
  EXPECT_EQ(manifest.not_after, kStart + kDays * 86'400LL * 1'000'000);
  ASSERT_THAT(manifest.members, SizeIs(1));
  EXPECT_EQ(manifest.members[0].public_key, identity.key().public_key());
  EXPECT_EQ(manifest.members[0].wrap_key, identity.wrap_key().public_key());
  EXPECT_EQ(manifest.members[0].name, "master1");
}

TEST_F(IdentityTest, FolderOfKeysIsPrivate) {
  opened();
  struct stat info{};
  ASSERT_EQ(::stat(pki.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(IdentityTest, ManifestIsOneThatMinionsTrust) {
  const Identity identity = opened();
  const auto shown = identity.server_identity();
  net::Trust trust(net::fingerprint(identity.root_public_key()));
  const auto admitted = trust.admit(shown->manifest, clock.unix_now());
  ASSERT_TRUE(admitted.has_value()) << admitted.error().message;
  EXPECT_TRUE(trust.speaks(shown->key.public_key(), wire::Role::kMaster, clock.unix_now()));
  EXPECT_EQ(trust.cluster_root(), shown->cluster_root);
}

TEST_F(IdentityTest, SecondStartIsTheSameMasterOfTheSameCluster) {
  const Identity first = opened();
  pass_days(1);
  const Identity second = opened();
  EXPECT_EQ(second.root_public_key(), first.root_public_key());
  EXPECT_EQ(second.key().public_key(), first.key().public_key());
  EXPECT_EQ(second.wrap_key().public_key(), first.wrap_key().public_key());
  EXPECT_EQ(second.manifest().epoch, 1u);
  EXPECT_EQ(second.server_identity()->manifest, first.server_identity()->manifest);
}

TEST_F(IdentityTest, ManifestIsRenewedAtAStartAfterHalfItsLife) {
  const Identity first = opened();
  pass_days(kDays / 2 - 1);
  EXPECT_EQ(opened().manifest().epoch, 1u);
  pass_days(1);
  const Identity renewed = opened();
  EXPECT_EQ(renewed.manifest().epoch, 2u);
  EXPECT_EQ(renewed.manifest().issued, clock.unix_now());
  EXPECT_EQ(renewed.root_public_key(), first.root_public_key());
  ASSERT_THAT(renewed.manifest().members, SizeIs(1));
  EXPECT_EQ(renewed.manifest().members[0].serial, first.manifest().members[0].serial);
  EXPECT_EQ(renewed.manifest().members[0].not_after, renewed.manifest().not_after);
  EXPECT_EQ(opened().manifest().epoch, 2u);
}

TEST_F(IdentityTest, RunningMasterRenewsItsManifest) {
  Identity identity = opened();
  EXPECT_FALSE(*identity.refresh(clock));
  pass_days(kDays / 2);
  ASSERT_TRUE(*identity.refresh(clock));
  EXPECT_FALSE(*identity.refresh(clock));
  EXPECT_EQ(identity.server_identity()->manifest_epoch, 2u);
  EXPECT_EQ(*read_file(pki + "/manifest"), identity.server_identity()->manifest);
}

TEST_F(IdentityTest, ManifestThatTheRootSignedElsewhereIsTakenFromTheFolder) {
  Identity identity = opened();
  const auto root = *net::load_key(pki + "/root.key");
  remove("root.key");
  wire::Manifest fresh = identity.manifest();
  fresh.epoch = 9;
  const std::string bytes = encode(net::sign_manifest(root, fresh));
  ASSERT_TRUE(replace_file(pki + "/manifest", bytes, 0644));
  ASSERT_TRUE(*identity.refresh(clock));
  EXPECT_EQ(identity.manifest().epoch, 9u);
  EXPECT_EQ(identity.server_identity()->manifest, bytes);
  EXPECT_FALSE(*identity.refresh(clock));
}

TEST_F(IdentityTest, ManifestInTheFolderThatIsNotGoodLeavesTheOldOneInForce) {
  Identity identity = opened();
  const auto before = identity.server_identity()->manifest;
  const auto root = *net::load_key(pki + "/root.key");
  const auto refused = [&](const net::SigningKey& signer, const wire::Manifest& manifest) {
    EXPECT_TRUE(replace_file(pki + "/manifest", encode(net::sign_manifest(signer, manifest)), 0644));
    const auto refreshed = identity.refresh(clock);
    EXPECT_EQ(identity.server_identity()->manifest, before);
    return refreshed ? std::string("taken") : refreshed.error().message;
  };
  wire::Manifest without_us = identity.manifest();
  without_us.epoch = 2;
  without_us.members[0].public_key = std::string(32, 'x');
  EXPECT_THAT(refused(root, without_us), HasSubstr("does not name it"));
  wire::Manifest same_epoch = identity.manifest();
  same_epoch.not_after += 1;
  EXPECT_THAT(refused(root, same_epoch), HasSubstr("older than the manifest in force"));
  const auto stranger = net::SigningKey::generate();
  wire::Manifest foreign = identity.manifest();
  foreign.epoch = 2;
  foreign.root = stranger.public_key();
  EXPECT_THAT(refused(stranger, foreign), HasSubstr("another root"));
}

TEST_F(IdentityTest, MinionsTakeTheRenewedManifest) {
  Identity identity = opened();
  net::Trust trust("");
  ASSERT_TRUE(trust.admit(identity.server_identity()->manifest, clock.unix_now()).has_value());
  pass_days(kDays / 2);
  ASSERT_TRUE(*identity.refresh(clock));
  const auto admitted = trust.admit(identity.server_identity()->manifest, clock.unix_now());
  ASSERT_TRUE(admitted.has_value());
  EXPECT_TRUE(*admitted);
}

TEST_F(IdentityTest, RootKeyMayBeTakenAwayUntilTheManifestEnds) {
  const Identity first = opened();
  remove("root.key");
  EXPECT_EQ(opened().root_public_key(), first.root_public_key());
  EXPECT_FALSE(exists("root.key"));
  pass_days(kDays - 1);
  EXPECT_EQ(opened().manifest().epoch, 1u);
  pass_days(1);
  EXPECT_THAT(error(), HasSubstr("bring root.key back"));
  EXPECT_FALSE(exists("root.key"));
}

TEST_F(IdentityTest, RootKeyBroughtBackRenewsAnExpiredManifest) {
  opened();
  std::filesystem::rename(pki + "/root.key", folder / "safe");
  pass_days(2 * kDays);
  error();
  std::filesystem::rename(folder / "safe", pki + "/root.key");
  EXPECT_EQ(opened().manifest().epoch, 2u);
}

TEST_F(IdentityTest, RootKeyOfAnotherClusterIsNotTaken) {
  opened();
  remove("root.key");
  remove("root.pub");
  ASSERT_TRUE(net::create_key(pki, "root").has_value());
  pass_days(kDays / 2);
  EXPECT_THAT(error(), HasSubstr("not the root of the manifest"));
}

TEST_F(IdentityTest, MasterKeyThatTheManifestDoesNotNameIsAClearError) {
  opened();
  remove("master.key");
  remove("master.pub");
  EXPECT_THAT(error(), HasSubstr("master.key is not a master of this cluster"));
}

TEST_F(IdentityTest, StartKilledBeforeTheManifestIsCompletedByTheNext) {
  // What the first start leaves when it is killed after each of its files.
  std::filesystem::create_directories(pki);
  const auto master = net::create_key(pki, "master");
  const auto root = net::create_key(pki, "root");
  remove("root.pub");
  const Identity identity = opened();
  EXPECT_EQ(identity.key().public_key(), master->public_key());
  EXPECT_EQ(identity.root_public_key(), root->public_key());
  EXPECT_EQ(identity.manifest().epoch, 1u);
  EXPECT_TRUE(exists("manifest"));
}

TEST_F(IdentityTest, StartKilledAfterTheMasterKeyIsCompletedByTheNext) {
  std::filesystem::create_directories(pki);
  const auto master = net::create_key(pki, "master");
  EXPECT_EQ(opened().key().public_key(), master->public_key());
  EXPECT_TRUE(exists("root.key"));
}

TEST_F(IdentityTest, LostManifestWithoutItsRootKeyDoesNotFoundANewCluster) {
  opened();
  remove("manifest");
  remove("root.key");
  EXPECT_THAT(error(), HasSubstr("put the manifest back"));
  EXPECT_FALSE(exists("root.key"));
}

TEST_F(IdentityTest, ManifestThatWasAlteredIsAClearError) {
  opened();
  std::string manifest = *read_file(pki + "/manifest");
  manifest[manifest.size() / 2] = static_cast<char>(manifest[manifest.size() / 2] ^ 1);
  ASSERT_TRUE(replace_file(pki + "/manifest", manifest, 0644).has_value());
  EXPECT_THAT(error(), HasSubstr("manifest"));
}

TEST_F(IdentityTest, TruncatedManifestIsAClearError) {
  opened();
  ASSERT_TRUE(replace_file(pki + "/manifest", "", 0644).has_value());
  EXPECT_THAT(error(), HasSubstr(pki + "/manifest"));
}

TEST_F(IdentityTest, KeyThatOthersMayReadIsRefused) {
  opened();
  ASSERT_EQ(::chmod((pki + "/master.key").c_str(), 0644), 0);
  EXPECT_THAT(error(), HasSubstr("chmod 600"));
}

}  // namespace
}  // namespace brine::master
