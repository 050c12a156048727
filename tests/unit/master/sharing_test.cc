#include "master/sharing.h"

#include <gtest/gtest.h>

#include "net/crypto.h"

namespace brine::master {
namespace {

// Knows one master's key, as a manifest with one member.
class OneMaster final : public engine::Notary {
 public:
  explicit OneMaster(std::string trusted = "") : trusted_(trusted.empty() ? key_.public_key() : std::move(trusted)) {}
  const std::string& public_key() const { return key_.public_key(); }

  Status sign_job(store::JobRecord&) override { return {}; }
  void sign_key(std::string_view text, std::string& signer, std::string& signature) override {
    signer = key_.public_key();
    signature = key_.sign(text);
  }
  bool verify_key(std::string_view text, const std::string& signer, const std::string& signature) const override {
    return signer == trusted_ && net::verify_signature(signer, text, signature);
  }
  bool fits(const JoinToken&, std::string_view) const override { return false; }

 private:
  net::SigningKey key_ = net::SigningKey::generate();
  std::string trusted_;
};

TEST(SharedTicketKeys, ComeFromAMasterOfTheClusterAndAreForTheOneThatIsNamed) {
  OneMaster first;
  const OneMaster second(first.public_key());
  const std::string shared = sign_ticket_keys("b", "wrapped", first);
  EXPECT_EQ(open_shared_ticket_keys("b", shared, second).value(), "wrapped");
  EXPECT_EQ(open_shared_ticket_keys("c", shared, second).error().code, Code::kDenied);
}

TEST(SharedTicketKeys, OfAStrangerAreRefused) {
  OneMaster stranger;
  const OneMaster master;
  EXPECT_EQ(open_shared_ticket_keys("b", sign_ticket_keys("b", "wrapped", stranger), master).error().code, Code::kDenied);
}

TEST(SharedTicketKeys, AlteredOrCutAreRefused) {
  OneMaster master;
  const std::string shared = sign_ticket_keys("b", "wrapped", master);
  for (std::size_t i = 0; i < shared.size(); ++i) {
    std::string altered = shared;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_FALSE(open_shared_ticket_keys("b", altered, master)) << i;
    EXPECT_FALSE(open_shared_ticket_keys("b", shared.substr(0, i), master)) << i;
  }
}

}  // namespace
}  // namespace brine::master
