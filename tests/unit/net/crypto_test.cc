#include "net/crypto.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace brine::net {
namespace {

std::string hex(std::string_view text) { return from_hex(text).value(); }

struct Ed25519Vector {
  const char* seed;
  const char* public_key;
  const char* message;
  const char* signature;
};

// RFC 8032 section 7.1, tests 1 to 3.
constexpr Ed25519Vector kEd25519[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
     "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
     "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
     "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(Ed25519, VectorsOfRfc8032Hold) {
  for (const auto& vector : kEd25519) {
    const auto key = SigningKey::from_seed(hex(vector.seed));
    ASSERT_TRUE(key);
    EXPECT_EQ(to_hex(key->public_key()), vector.public_key);
    EXPECT_EQ(to_hex(key->sign(hex(vector.message))), vector.signature);
    EXPECT_TRUE(verify_signature(key->public_key(), hex(vector.message), hex(vector.signature)));
    EXPECT_EQ(to_hex(key->seed()), vector.seed);
  }
}

TEST(Ed25519, EveryAlteredByteOfTheSignatureIsRefused) {
  const std::string key = hex(kEd25519[2].public_key);
  const std::string message = hex(kEd25519[2].message);
  for (std::size_t at = 0; at < kSignatureBytes; ++at) {
    std::string signature = hex(kEd25519[2].signature);
    signature[at] = static_cast<char>(signature[at] ^ 1);
    EXPECT_FALSE(verify_signature(key, message, signature)) << at;
  }
}

TEST(Ed25519, OtherMessagesKeysAndLengthsAreRefused) {
  const auto& vector = kEd25519[1];
  const std::string key = hex(vector.public_key);
  const std::string signature = hex(vector.signature);
  EXPECT_FALSE(verify_signature(key, "s", signature));
  EXPECT_FALSE(verify_signature(key, "", signature));
  EXPECT_FALSE(verify_signature(hex(kEd25519[0].public_key), "r", signature));
  EXPECT_FALSE(verify_signature(key, "r", signature.substr(1)));
  EXPECT_FALSE(verify_signature(key, "r", signature + "x"));
  EXPECT_FALSE(verify_signature(key.substr(1), "r", signature));
  EXPECT_FALSE(verify_signature("", "r", signature));
  EXPECT_FALSE(verify_signature(key, "r", ""));
}

// RFC 8032 section 5.1.7: S must be below the group's order, or signatures could be made to look different (malleability).
TEST(Ed25519, SignatureWithTheOrderAddedIsRefused) {
  std::string signature = hex(kEd25519[1].signature);
  const std::string order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += static_cast<unsigned>(static_cast<std::uint8_t>(signature[32 + i])) + static_cast<std::uint8_t>(order[i]);
    signature[32 + i] = static_cast<char>(carry);
    carry >>= 8;
  }
  EXPECT_FALSE(verify_signature(hex(kEd25519[1].public_key), "r", signature));
}

TEST(Ed25519, SeedOfAnotherLengthIsRefused) {
  EXPECT_FALSE(SigningKey::from_seed(std::string(31, 'x')));
  EXPECT_FALSE(SigningKey::from_seed(std::string(33, 'x')));
  EXPECT_FALSE(SigningKey::from_seed(""));
}

// RFC 7748 section 6.1.
TEST(X25519, VectorOfRfc7748Holds) {
  const auto alice = AgreementKey::from_seed(hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  const auto bob = AgreementKey::from_seed(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  EXPECT_EQ(to_hex(alice.public_key()), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(to_hex(bob.public_key()), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const std::string shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  EXPECT_EQ(alice.agree(bob.public_key()), shared);
  EXPECT_EQ(bob.agree(alice.public_key()), shared);
}

// https://cr.yp.to/ecdh.html#validate: the points of small order, which make the secret zero whatever our key is.
TEST(X25519, PeerKeysThatForceTheAllZeroSecretAreRefused) {
  const auto key = AgreementKey::generate();
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"})
    EXPECT_FALSE(key.agree(hex(point))) << point;
}

TEST(X25519, PeerKeyOfAnotherLengthIsRefused) {
  const auto key = AgreementKey::generate();
  for (const std::size_t size : {0U, 1U, 31U, 33U, 64U}) EXPECT_FALSE(key.agree(std::string(size, 'x'))) << size;
}

// RFC 5869 appendix A.1 and A.3.
TEST(Hkdf, VectorsOfRfc5869Hold) {
  const std::string prk = hkdf_extract(hex("000102030405060708090a0b0c"), std::string(22, '\x0b'));
  EXPECT_EQ(to_hex(prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  EXPECT_EQ(to_hex(hkdf_expand(prk, hex("f0f1f2f3f4f5f6f7f8f9"), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(to_hex(hkdf_expand(hkdf_extract("", std::string(22, '\x0b')), "", 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

// RFC 4231 test case 2; FIPS 180-2 appendix B.1.
TEST(Hashes, KnownValuesHold) {
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(fingerprint("abc").substr(0, 11), "ba:78:16:bf");
}

TEST(Hashes, PartsAreNotInterchangeable) {
  EXPECT_NE(sha256_parts({"ab", "c"}), sha256_parts({"a", "bc"}));
  EXPECT_NE(sha256_parts({"abc"}), sha256_parts({"abc", ""}));
  using namespace std::string_view_literals;
  EXPECT_EQ(sha256_parts({"ab", "c"}), sha256("\x02\0\0\0ab\x01\0\0\0c"sv));
}

// D. McGrew, J. Viega: "The Galois/Counter Mode of Operation (GCM)", test cases 13, 14 and 16.
TEST(AesGcm, KnownValuesHold) {
  std::string sealed;
  Aead zero(std::string(32, '\0'));
  zero.seal(std::string(12, '\0'), "", "", sealed);
  EXPECT_EQ(to_hex(sealed), "530f8afbc74536b9a963b4f1c4cb738b");
  sealed.clear();
  zero.seal(std::string(12, '\0'), "", std::string(16, '\0'), sealed);
  EXPECT_EQ(to_hex(sealed), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");

  Aead aead(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const std::string iv = hex("cafebabefacedbaddecaf888");
  const std::string aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string plain =
      hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  sealed = "kept";
  aead.seal(iv, aad, plain, sealed);
  EXPECT_EQ(sealed.substr(0, 4), "kept");
  sealed.erase(0, 4);
  EXPECT_EQ(to_hex(sealed),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(aead.open(iv, aad, sealed), plain);
}

TEST(AesGcm, AnythingAlteredIsCorrupt) {
  Aead aead(std::string(32, 'k'));
  const std::string iv(kIvBytes, 'i');
  std::string sealed;
  aead.seal(iv, "aad", "plain", sealed);
  ASSERT_EQ(aead.open(iv, "aad", sealed), "plain");
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    std::string altered = sealed;
    altered[at] = static_cast<char>(altered[at] ^ 0x10);
    EXPECT_EQ(aead.open(iv, "aad", altered).error().code, Code::kCorrupt) << at;
    EXPECT_FALSE(aead.open(iv, "aad", sealed.substr(0, at))) << at;
  }
  EXPECT_FALSE(aead.open(iv, "aae", sealed));
  EXPECT_FALSE(aead.open(iv, "", sealed));
  EXPECT_FALSE(aead.open(std::string(kIvBytes, 'j'), "aad", sealed));
  EXPECT_FALSE(aead.open("short", "aad", sealed));
  EXPECT_FALSE(Aead(std::string(32, 'l')).open(iv, "aad", sealed));
  EXPECT_EQ(aead.open(iv, "aad", sealed), "plain") << "a failure leaves nothing behind";
}

TEST(Random, BytesAndNumbersAreWithinTheirBoundsAndDiffer) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(33).size(), 33U);
  EXPECT_NE(random_bytes(32), random_bytes(32));
  bool seen[7] = {};
  for (int i = 0; i < 1'000; ++i) seen[random_below(7)] = true;
  for (const bool was_seen : seen) EXPECT_TRUE(was_seen);
  EXPECT_EQ(random_below(1), 0U);
}

TEST(ConstantTime, OnlyEqualStringsAreEqual) {
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "ab"));
}

}  // namespace
}  // namespace brine::net
