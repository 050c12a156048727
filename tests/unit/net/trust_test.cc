#include "net/trust.h"

#include <gtest/gtest.h>

#include "tests/unit/net/cluster.h"

namespace brine::net {
namespace {

class TrustTest : public testing::Test {
 protected:
  void expect_denied(const Result<bool>& admitted) {
    ASSERT_FALSE(admitted);
    EXPECT_EQ(admitted.error().code, Code::kDenied) << admitted.error().message;
  }

  Cluster cluster_;
  Cluster other_{'O'};
  Trust trust_{""};
};

TEST_F(TrustTest, FirstRootIsPinnedOnFirstUse) {
  EXPECT_FALSE(trust_.has_root());
  EXPECT_EQ(trust_.cluster_root(), "");
  ASSERT_EQ(trust_.admit(cluster_.signed_manifest(), kNow), true);
  EXPECT_TRUE(trust_.has_root());
  EXPECT_EQ(trust_.cluster_root(), cluster_.cluster_root());
  EXPECT_EQ(trust_.epoch(), 5U);
  expect_denied(trust_.admit(other_.signed_manifest(), kNow));
  EXPECT_EQ(trust_.cluster_root(), cluster_.cluster_root());
}

TEST_F(TrustTest, MasterFingerDecidesWhichRootIsTaken) {
  Trust pinned(fingerprint(cluster_.root.public_key()));
  const auto refused = pinned.admit(other_.signed_manifest(), kNow);
  expect_denied(refused);
  EXPECT_NE(refused.error().message.find("master_finger"), std::string::npos);
  EXPECT_NE(refused.error().message.find(fingerprint(other_.root.public_key())), std::string::npos);
  EXPECT_FALSE(pinned.has_root());
  EXPECT_TRUE(pinned.admit(cluster_.signed_manifest(), kNow));
}

TEST_F(TrustTest, SameManifestAgainIsNotNewer) {
  ASSERT_EQ(trust_.admit(cluster_.signed_manifest(), kNow), true);
  EXPECT_EQ(trust_.admit(cluster_.signed_manifest(), kNow), false);
}

TEST_F(TrustTest, HigherEpochIsTakenAndALowerOneRefused) {
  auto manifest = cluster_.manifest();
  ASSERT_TRUE(trust_.admit(cluster_.signed_by_root(manifest), kNow));
  manifest.epoch = 6;
  EXPECT_EQ(trust_.admit(cluster_.signed_by_root(manifest), kNow), true);
  manifest.epoch = 5;
  expect_denied(trust_.admit(cluster_.signed_by_root(manifest), kNow));
  EXPECT_EQ(trust_.epoch(), 6U);
}

TEST_F(TrustTest, ExpiredManifestIsRefused) {
  auto manifest = cluster_.manifest();
  manifest.not_after = kNow - 1;
  expect_denied(trust_.admit(cluster_.signed_by_root(manifest), kNow));
  manifest.not_after = kNow;
  EXPECT_TRUE(trust_.admit(cluster_.signed_by_root(manifest), kNow));
}

// A minion whose clock is wrong knows at least when the manifest it holds was made.
TEST_F(TrustTest, ManifestThatEndedBeforeTheHeldOneWasIssuedIsRefusedWhateverTheClockSays) {
  ASSERT_TRUE(trust_.admit(cluster_.signed_manifest(), 0));
  auto manifest = cluster_.manifest();
  manifest.not_after = manifest.issued - 1;
  manifest.epoch = 6;
  expect_denied(trust_.admit(cluster_.signed_by_root(manifest), 0));
}

TEST_F(TrustTest, EveryAlteredByteOfASignedManifestIsRefused) {
  const std::string whole = cluster_.signed_manifest();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 0x01);
    Trust fresh(fingerprint(cluster_.root.public_key()));
    const auto admitted = fresh.admit(altered, kNow);
    // Bytes of the envelope that carry nothing may change; what was signed is then unchanged as well.
    if (admitted) {
      EXPECT_EQ(wire::decode_signed_manifest(altered)->manifest, wire::decode_signed_manifest(whole)->manifest) << at;
    }
  }
}

TEST_F(TrustTest, ManifestSignedByAMasterIsRefused) {
  wire::SignedManifest forged = sign_manifest(cluster_.master, cluster_.manifest());
  expect_denied(trust_.admit(encode(forged), kNow));
}

TEST_F(TrustTest, SignatureOfAJobIsNoSignatureOfAManifest) {
  const std::string bytes = encode(cluster_.manifest());
  EXPECT_FALSE(verify_manifest({bytes, sign_job(cluster_.root, bytes)}));
}

TEST_F(TrustTest, MembersSpeakInTheirOwnRoleOnly) {
  ASSERT_TRUE(trust_.admit(cluster_.signed_manifest(), kNow));
  EXPECT_TRUE(trust_.speaks(cluster_.master.public_key(), wire::Role::kMaster, kNow));
  EXPECT_FALSE(trust_.speaks(cluster_.master.public_key(), wire::Role::kSyndic, kNow));
  EXPECT_TRUE(trust_.speaks(cluster_.syndic.public_key(), wire::Role::kSyndic, kNow));
  EXPECT_FALSE(trust_.speaks(cluster_.syndic.public_key(), wire::Role::kMaster, kNow));
  EXPECT_FALSE(trust_.speaks(key_of('x').public_key(), wire::Role::kMaster, kNow));
  EXPECT_FALSE(trust_.speaks("", wire::Role::kMaster, kNow));
}

TEST_F(TrustTest, NobodySpeaksBeforeTheFirstManifestOrAfterItsEnd) {
  EXPECT_FALSE(trust_.speaks(cluster_.master.public_key(), wire::Role::kMaster, kNow));
  ASSERT_TRUE(trust_.admit(cluster_.signed_manifest(), kNow));
  EXPECT_FALSE(trust_.speaks(cluster_.master.public_key(), wire::Role::kMaster, kNow + 13 * kHour));
}

TEST_F(TrustTest, MemberWhoseTimeHasPassedIsSilent) {
  auto manifest = cluster_.manifest();
  manifest.members[0].not_after = kNow - 1;
  ASSERT_TRUE(trust_.admit(cluster_.signed_by_root(manifest), kNow));
  EXPECT_FALSE(trust_.speaks(cluster_.master.public_key(), wire::Role::kMaster, kNow));
}

TEST_F(TrustTest, RevokedSerialIsSilent) {
  auto manifest = cluster_.manifest();
  manifest.revoked = {7, 1};
  ASSERT_TRUE(trust_.admit(cluster_.signed_by_root(manifest), kNow));
  EXPECT_FALSE(trust_.speaks(cluster_.master.public_key(), wire::Role::kMaster, kNow));
  EXPECT_TRUE(trust_.speaks(cluster_.syndic.public_key(), wire::Role::kSyndic, kNow));
  EXPECT_FALSE(trust_.verify_job(signed_with(cluster_.master, cluster_.job()), kNow));
}

TEST_F(TrustTest, JobOfAMasterIsTaken) {
  ASSERT_TRUE(trust_.admit(cluster_.signed_manifest(), kNow));
  const auto job = trust_.verify_job(signed_with(cluster_.master, cluster_.job()), kNow);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->function, "test.ping");
}

TEST_F(TrustTest, JobBeforeTheFirstManifestIsRefused) {
  EXPECT_FALSE(trust_.verify_job(signed_with(cluster_.master, cluster_.job()), kNow));
}

TEST_F(TrustTest, SyndicCannotSignJobs) {
  ASSERT_TRUE(trust_.admit(cluster_.signed_manifest(), kNow));
  wire::Job job = cluster_.job();
  EXPECT_FALSE(trust_.verify_job(signed_with(cluster_.syndic, job), kNow)) << "in the master's name";
  job.signer = cluster_.syndic.public_key();
  EXPECT_FALSE(trust_.verify_job(signed_with(cluster_.syndic, job), kNow)) << "in its own name";
}

TEST_F(TrustTest, JobOfAnotherClusterIsRefused) {
  ASSERT_TRUE(trust_.admit(cluster_.signed_manifest(), kNow));
  wire::Job job = cluster_.job();
  job.cluster_root = other_.cluster_root();
  EXPECT_FALSE(trust_.verify_job(signed_with(cluster_.master, job), kNow)) << "the same master key serves both clusters";
}

TEST_F(TrustTest, EveryAlteredByteOfAJobIsRefused) {
  ASSERT_TRUE(trust_.admit(cluster_.signed_manifest(), kNow));
  const wire::SignedJob sound = signed_with(cluster_.master, cluster_.job());
  for (std::size_t at = 0; at < sound.job.size(); ++at) {
    wire::SignedJob altered = sound;
    altered.job[at] = static_cast<char>(altered.job[at] ^ 0x01);
    EXPECT_FALSE(trust_.verify_job(altered, kNow)) << at;
  }
  for (std::size_t at = 0; at < sound.signature.size(); ++at) {
    wire::SignedJob altered = sound;
    altered.signature[at] = static_cast<char>(altered.signature[at] ^ 0x01);
    EXPECT_FALSE(trust_.verify_job(altered, kNow)) << at;
  }
}

TEST_F(TrustTest, GarbageIsAnError) {
  EXPECT_FALSE(trust_.admit("", kNow));
  EXPECT_FALSE(trust_.admit(std::string(64, 'x'), kNow));
  EXPECT_FALSE(trust_.verify_job({}, kNow));
}

}  // namespace
}  // namespace brine::net
