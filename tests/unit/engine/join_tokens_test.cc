#include "engine/join_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "engine/key_authority.h"
#include "tests/unit/engine/fakes.h"

namespace brine::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kId = "0123456789abcdef";
constexpr const char* kSecret = "00112233445566778899aabbccddeeff";
const std::string kShown = std::string(kId) + "." + kSecret;
const std::string kGuess = std::string(kId) + ".ffffffffffffffffffffffffffffffff";

store::TokenRecord token(std::uint32_t uses = 1) {
  store::TokenRecord record;
  record.id = kId;
  record.secret_hash = std::string("hash of ") + kSecret;
  record.uses = uses;
  record.created = kStart;
  record.not_after = kStart + 3'600'000'000;
  return record;
}

AdmissionRequest showing(std::string_view id, std::string shown = kShown, std::string key = "key") {
  AdmissionRequest request{minion_id(id), std::move(key), false, 0, "10.0.0.9", {}};
  request.network = "10.0.0.0/24";
  request.join_token = std::move(shown);
  return request;
}

// Tokens and keys of one master; what the ledger's thread posts waits until the test runs it.
class JoinTokensTest : public testing::Test {
 protected:
  JoinTokensTest()
      : ledger(store, clock, {.reopen_pause = milliseconds(0)}, {[](const auto&) {}, [](const auto&) {}, [] {}, [](std::uint64_t) {}}) {
    ledger.start({});
    begin();
  }

  void begin(KeyPolicy policy = {}) {
    policy.cluster = "test";
    keys.reset();
    tokens = std::make_unique<JoinTokens>(
        ledger, notary, clock, "test", [this](const AdmissionRequest& request, std::string_view id, TokenOutcome outcome) {
          told.push_back(request.id.str() + " " + std::string(id) + " " + std::string(to_string(outcome)));
        });
    keys = std::make_unique<KeyAuthority>(
        ledger, notary, clock, std::move(policy),
        KeyAuthority::Listener{.accepted = [this](const MinionId& id) { heard.push_back("accepted " + id.str()); },
                               .withdrawn = [this](const MinionId& id, std::string_view) { heard.push_back("withdrawn " + id.str()); },
                               .seen = [](const MinionId&, std::string_view, std::string_view) {},
                               .overtaken = {},
                               .reaped = [this](const MinionId& id) { heard.push_back("reaped " + id.str()); },
                               .kept = [this](const MinionId& id) { heard.push_back("kept " + id.str()); }});
    keys->use_tokens(*tokens);
    const auto post = [this](std::function<void()> task) {
      std::lock_guard lock(mutex);
      posted.push_back(std::move(task));
    };
    tokens->set_post(post);
    keys->set_post(post);
    tokens->load(*store.tokens());
    keys->load(*store.keys(), 0);
  }
  bool settle(const std::function<bool()>& condition) {
    return eventually([&] {
      std::vector<std::function<void()>> tasks;
      {
        std::lock_guard lock(mutex);
        tasks.swap(posted);
      }
      for (const auto& task : tasks) task();
      return condition();
    });
  }
  Status create(store::TokenRecord record) {
    std::optional<Status> answer;
    tokens->create(std::move(record), [&](Status status) { answer = std::move(status); });
    EXPECT_TRUE(settle([&] { return answer.has_value(); }));
    return *answer;
  }
  Status forget(const std::string& id) {
    std::optional<Status> answer;
    tokens->forget(id, [&](Status status) { answer = std::move(status); });
    EXPECT_TRUE(settle([&] { return answer.has_value(); }));
    return *answer;
  }
  Admission admit(const AdmissionRequest& request) {
    std::optional<Admission> answer;
    keys->admit(request, [&](Admission admission) { answer = std::move(admission); });
    EXPECT_TRUE(settle([&] { return answer.has_value(); }));
    return answer.value_or(Admission{});
  }
  Verdict verdict(const AdmissionRequest& request) { return admit(request).verdict; }
  std::uint32_t used() const { return store.tokens()->at(0).used; }

  FakeClock clock;
  MemoryStore store;
  FakeNotary notary;
  Ledger ledger;
  std::mutex mutex;
  std::vector<std::function<void()>> posted;
  std::vector<std::string> told, heard;
  std::unique_ptr<JoinTokens> tokens;
  std::unique_ptr<KeyAuthority> keys;
};

TEST_F(JoinTokensTest, AMinionThatShowsATokenIsLetInOnce) {
  ASSERT_TRUE(create(token()));
  EXPECT_EQ(verdict(showing("web")), Verdict::kAccepted);
  EXPECT_THAT(heard, ElementsAre("accepted web"));
  EXPECT_EQ(verdict(showing("db")), Verdict::kPending);
  EXPECT_THAT(told, ElementsAre("web 0123456789abcdef used", "db 0123456789abcdef used_up"));
  EXPECT_EQ(used(), 1U);
}

TEST_F(JoinTokensTest, ItsSecretIsNotStored) {
  ASSERT_TRUE(create(token()));
  admit(showing("web"));
  EXPECT_EQ(store.tokens()->at(0).secret_hash, std::string("hash of ") + kSecret);
  EXPECT_EQ(store.keys()->at(0).signature.find(kSecret), std::string::npos);
}

TEST_F(JoinTokensTest, TheSameMinionThatComesAgainIsNotCountedAgain) {
  ASSERT_TRUE(create(token(2)));
  EXPECT_EQ(verdict(showing("web")), Verdict::kAccepted);
  EXPECT_EQ(verdict(showing("web")), Verdict::kAccepted);
  begin();
  EXPECT_EQ(verdict(showing("web")), Verdict::kAccepted);
  EXPECT_EQ(used(), 1U);
}

TEST_F(JoinTokensTest, AMasterThatWasKilledBehindTheCommitCountsTheSameMinionOnce) {
  ASSERT_TRUE(create(token(2)));
  admit(showing("web"));
  keys->load({}, 0);
  KeyAuthority::Listener none{.accepted = [](const MinionId&) {}, .withdrawn = {}, .seen = [](const auto&, auto, auto) {}, .overtaken = {}};
  // One that has not read what was committed.
  KeyAuthority other(ledger, notary, clock, {.cluster = "test", .autosign = {}}, std::move(none));
  other.use_tokens(*tokens);
  other.set_post([this](std::function<void()> task) {
    std::lock_guard lock(mutex);
    posted.push_back(std::move(task));
  });
  clock.advance(seconds(1));
  std::optional<Admission> answer;
  other.admit(showing("web"), [&](Admission admission) { answer = std::move(admission); });
  ASSERT_TRUE(settle([&] { return answer.has_value(); }));
  EXPECT_EQ(answer->verdict, Verdict::kAccepted);
  EXPECT_EQ(used(), 1U);
}

TEST_F(JoinTokensTest, AnotherKeyForAnIdThatJoinedIsDeniedWhateverItShows) {
  ASSERT_TRUE(create(token(2)));
  admit(showing("web"));
  EXPECT_EQ(verdict(showing("web", kShown, "another key")), Verdict::kDenied);
  EXPECT_EQ(used(), 1U);
}

TEST_F(JoinTokensTest, TheAnswerIsThatToAMinionWithoutAToken) {
  ASSERT_TRUE(create(token()));
  const Admission without = admit(showing("m0", ""));
  store::TokenRecord other = token();
  for (const std::string& shown : {kGuess, std::string("fedcba9876543210.") + kSecret, std::string("nonsense")}) {
    const Admission admission = admit(showing("m" + std::to_string(told.size() + 1), shown));
    EXPECT_EQ(admission.verdict, without.verdict);
    EXPECT_EQ(admission.text, without.text);
    EXPECT_EQ(admission.retry_after, without.retry_after);
  }
  clock.advance(seconds(3'601));
  EXPECT_EQ(admit(showing("m9")).text, without.text);
  EXPECT_THAT(told, ElementsAre("m1 0123456789abcdef wrong", "m2 fedcba9876543210 unknown", "m3  unknown", "m9 0123456789abcdef expired"));
  EXPECT_EQ(used(), 0U);
}

TEST_F(JoinTokensTest, OnlyIdsThatMatchAreLetIn) {
  store::TokenRecord record = token(5);
  record.match = "web*";
  ASSERT_TRUE(create(record));
  EXPECT_EQ(verdict(showing("db1")), Verdict::kPending);
  EXPECT_EQ(verdict(showing("web1")), Verdict::kAccepted);
  EXPECT_THAT(told, ElementsAre("db1 0123456789abcdef other_id", "web1 0123456789abcdef used"));
}

TEST_F(JoinTokensTest, AMinionThatWaitsIsLetInWhenItShowsAToken) {
  ASSERT_TRUE(create(token()));
  EXPECT_EQ(verdict(showing("web", "")), Verdict::kPending);
  EXPECT_EQ(verdict(showing("web")), Verdict::kAccepted);
  EXPECT_EQ(keys->counts().pending, 0U);
  EXPECT_EQ(keys->counts().accepted, 1U);
}

TEST_F(JoinTokensTest, ARejectedKeyStaysRejected) {
  ASSERT_TRUE(create(token()));
  admit(showing("web", ""));
  bool changed = false;
  keys->change(KeyAuthority::Change::kReject, {[](const MinionId&) { return true; }}, [&](const auto&) { changed = true; });
  ASSERT_TRUE(settle([&] { return changed; }));
  EXPECT_EQ(verdict(showing("web")), Verdict::kRejected);
  EXPECT_EQ(used(), 0U);
}

TEST_F(JoinTokensTest, ASyndicIsNotLetInByAToken) {
  ASSERT_TRUE(create(token()));
  AdmissionRequest request = showing("relay");
  request.kind = store::KeyKind::kSyndic;
  EXPECT_EQ(verdict(request), Verdict::kPending);
  EXPECT_THAT(told, ElementsAre("relay 0123456789abcdef syndic"));
}

TEST_F(JoinTokensTest, AnEphemeralTokenLetsEphemeralMinionsIn) {
  store::TokenRecord record = token();
  record.kind = store::KeyKind::kEphemeral;
  ASSERT_TRUE(create(record));
  admit(showing("web"));
  EXPECT_EQ(keys->find(minion_id("web"))->kind, store::KeyKind::kEphemeral);
  EXPECT_EQ(keys->ephemeral(), 1U);
}

TEST_F(JoinTokensTest, ANetworkThatGuessesIsNotListenedToForAWhile) {
  ASSERT_TRUE(create(token(5)));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(verdict(showing("g" + std::to_string(i), kGuess)), Verdict::kPending);
  EXPECT_EQ(verdict(showing("web")), Verdict::kPending);
  EXPECT_EQ(told.back(), "web  paused");
  AdmissionRequest elsewhere = showing("db");
  elsewhere.network = "10.0.1.0/24";
  EXPECT_EQ(verdict(elsewhere), Verdict::kAccepted);
  clock.advance(seconds(61));
  EXPECT_EQ(verdict(showing("web")), Verdict::kAccepted);
}

TEST_F(JoinTokensTest, TokensThatNoMasterHasSignedAreIgnored) {
  store::Batch batch;
  batch.tokens = {token()};
  ASSERT_TRUE(store.commit(batch));
  begin();
  EXPECT_FALSE(tokens->knows(kId));
  EXPECT_EQ(verdict(showing("web")), Verdict::kPending);
}

TEST_F(JoinTokensTest, TokensThatWereAlteredAreIgnored) {
  ASSERT_TRUE(create(token()));
  const store::TokenRecord good = store.tokens()->at(0);
  const std::vector<std::function<void(store::TokenRecord&)>> alterations{[](auto& t) { t.uses = 2; },
                                                                          [](auto& t) { t.not_after += 1; },
                                                                          [](auto& t) { t.match = "**"; },
                                                                          [](auto& t) { t.secret_hash = "x"; },
                                                                          [](auto& t) { t.created = 1; },
                                                                          [](auto& t) { t.id = "fedcba9876543210"; },
                                                                          [](auto& t) { t.kind = store::KeyKind::kEphemeral; }};
  for (const auto& alter : alterations) {
    store::TokenRecord record = good;
    alter(record);
    tokens->load({record});
    EXPECT_FALSE(tokens->knows(record.id));
  }
  tokens->load({good});
  EXPECT_TRUE(tokens->knows(kId));
}

TEST_F(JoinTokensTest, ADeletedTokenLetsNobodyIn) {
  ASSERT_TRUE(create(token()));
  ASSERT_TRUE(forget(kId));
  EXPECT_EQ(verdict(showing("web")), Verdict::kPending);
  EXPECT_THAT(*store.tokens(), IsEmpty());
  EXPECT_EQ(forget(kId).error().code, Code::kNotFound);
}

TEST_F(JoinTokensTest, ATokenThatAnotherMasterHasDeletedLetsNobodyIn) {
  ASSERT_TRUE(create(token()));
  store::Batch batch;
  batch.forgotten_tokens = {kId};
  ASSERT_TRUE(store.commit(batch));
  EXPECT_EQ(verdict(showing("web")), Verdict::kPending);
}

TEST_F(JoinTokensTest, ExpiredTokensAreForgottenLater) {
  ASSERT_TRUE(create(token()));
  clock.advance(seconds(3'700));
  tokens->tick();
  EXPECT_TRUE(tokens->knows(kId));
  clock.advance(seconds(3'600));
  tokens->tick();
  EXPECT_TRUE(eventually([&] { return store.tokens()->empty(); }));
}

TEST_F(JoinTokensTest, WhileTheStoreIsAwayNobodyJoinsAndNothingIsCounted) {
  ASSERT_TRUE(create(token()));
  store.go_away("gone");
  EXPECT_EQ(verdict(showing("web")), Verdict::kBusy);
  EXPECT_FALSE(create(token()).has_value());
  store.come_back();
  EXPECT_EQ(used(), 0U);
  EXPECT_EQ(verdict(showing("web")), Verdict::kAccepted);
}

TEST_F(JoinTokensTest, AnEphemeralMinionIsReapedUnlessItsKeyHasChanged) {
  store::TokenRecord record = token();
  record.kind = store::KeyKind::kEphemeral;
  ASSERT_TRUE(create(record));
  admit(showing("web"));
  heard.clear();
  const std::uint64_t version = keys->find(minion_id("web"))->version;
  keys->reap({{minion_id("web"), version - 1, 0}});
  ASSERT_TRUE(settle([&] { return !heard.empty(); }));
  EXPECT_TRUE(keys->is_accepted(minion_id("web")));
  keys->reap({{minion_id("web"), version, 0}});
  keys->reap({{minion_id("web"), version, 0}});
  ASSERT_TRUE(settle([&] { return heard.size() == 2; }));
  EXPECT_THAT(heard, ElementsAre("kept web", "reaped web"));
  EXPECT_EQ(keys->ephemeral(), 0U);
  EXPECT_EQ(keys->counts().accepted, 0U);
  EXPECT_THAT(*store.keys(), IsEmpty());
}

}  // namespace
}  // namespace brine::engine
