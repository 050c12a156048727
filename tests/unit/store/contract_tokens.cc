#include <gmock/gmock.h>

#include "tests/unit/store/contract.h"

namespace brine::store {
namespace {

using testing::ElementsAre;

TokenRecord make_token(std::string id, std::uint32_t uses = 1) {
  TokenRecord token;
  token.id = std::move(id);
  token.secret_hash = std::string("\0hash", 5);
  token.match = "web*";
  token.kind = KeyKind::kEphemeral;
  token.uses = uses;
  token.created = 5;
  token.not_after = 77'000'000'000;
  token.signer = std::string("\0sig", 4);
  token.signature = std::string("\xff\0", 2);
  return token;
}

KeyRecord make_key(std::string_view id, KeyState state, std::uint64_t version, std::string public_key = "the key") {
  KeyRecord key;
  key.id = minion(id);
  key.state = state;
  key.public_key = std::move(public_key);
  key.version = version;
  return key;
}

Batch of_token(TokenRecord token) {
  Batch batch;
  batch.tokens.push_back(std::move(token));
  return batch;
}

// The key is accepted for one use of the token.
Batch joining(KeyRecord key, std::string token = "t1") {
  Batch batch;
  batch.keys.push_back(std::move(key));
  batch.token_uses.push_back({0, std::move(token)});
  return batch;
}

Batch leaving(std::string_view id, std::uint64_t version) {
  Batch batch;
  batch.departures.push_back({minion(id), version, 0});
  return batch;
}

UseResult result_of(const CommitOutcome& outcome) {
  const UseResult result = outcome.token_uses.at(0);
  EXPECT_EQ(outcome.keys.at(0), result == UseResult::kCounted || result == UseResult::kRepeated);
  return result;
}

std::uint32_t used(const StateStore& store) { return value_of(store.tokens()).at(0).used; }
KeyRecord first_key(const StateStore& store) { return value_of(store.keys()).at(0); }

}  // namespace

TEST_P(StoreContract, ATokenIsReadBackWithEveryField) {
  const TokenRecord token = make_token("t1", 4'000'000'000);
  commit(of_token(token));
  restart();
  const auto tokens = value_of(store().tokens());
  ASSERT_EQ(tokens.size(), 1U);
  EXPECT_EQ(tokens[0].id, token.id);
  EXPECT_EQ(tokens[0].secret_hash, token.secret_hash);
  EXPECT_EQ(tokens[0].match, token.match);
  EXPECT_EQ(tokens[0].kind, token.kind);
  EXPECT_EQ(tokens[0].uses, token.uses);
  EXPECT_EQ(tokens[0].used, 0U);
  EXPECT_EQ(tokens[0].created, token.created);
  EXPECT_EQ(tokens[0].not_after, token.not_after);
  EXPECT_EQ(tokens[0].signer, token.signer);
  EXPECT_EQ(tokens[0].signature, token.signature);
}

TEST_P(StoreContract, AForgottenTokenIsGone) {
  commit(of_token(make_token("t1")));
  commit(of_token(make_token("t2")));
  Batch batch;
  batch.forgotten_tokens = {"t1", "never-there"};
  commit(batch);
  const auto tokens = value_of(store().tokens());
  ASSERT_EQ(tokens.size(), 1U);
  EXPECT_EQ(tokens[0].id, "t2");
}

TEST_P(StoreContract, AKeyIsAcceptedForAUseUntilNoneIsLeft) {
  commit(of_token(make_token("t1", 2)));
  EXPECT_EQ(result_of(commit(joining(make_key("a", KeyState::kAccepted, 5)))), UseResult::kCounted);
  EXPECT_EQ(result_of(commit(joining(make_key("b", KeyState::kAccepted, 5)))), UseResult::kCounted);
  restart();
  EXPECT_EQ(used(store()), 2U);
  EXPECT_EQ(result_of(commit(joining(make_key("c", KeyState::kAccepted, 5)))), UseResult::kNoneLeft);
  EXPECT_EQ(value_of(store().keys()).size(), 2U);
  EXPECT_EQ(used(store()), 2U);
}

TEST_P(StoreContract, OfTwoKeysInOneBatchTheLastUseGoesToTheFirst) {
  commit(of_token(make_token("t1")));
  Batch batch;
  batch.keys = {make_key("a", KeyState::kPending, 1), make_key("b", KeyState::kAccepted, 1), make_key("c", KeyState::kAccepted, 1),
                make_key("d", KeyState::kPending, 1)};
  batch.token_uses = {{1, "t1"}, {2, "t1"}};
  const CommitOutcome outcome = commit(batch);
  EXPECT_THAT(outcome.keys, ElementsAre(true, true, false, true));
  EXPECT_THAT(outcome.token_uses, ElementsAre(UseResult::kCounted, UseResult::kNoneLeft));
}

TEST_P(StoreContract, ATokenThatIsNotThereLetsNobodyIn) {
  EXPECT_EQ(result_of(commit(joining(make_key("a", KeyState::kAccepted, 5)))), UseResult::kNoneLeft);
  EXPECT_TRUE(value_of(store().keys()).empty());
}

TEST_P(StoreContract, APendingKeyIsAcceptedForAUse) {
  commit(of_token(make_token("t1")));
  Batch pending;
  pending.keys = {make_key("a", KeyState::kPending, 4)};
  commit(pending);
  EXPECT_EQ(result_of(commit(joining(make_key("a", KeyState::kAccepted, 5)))), UseResult::kCounted);
  EXPECT_EQ(first_key(store()).state, KeyState::kAccepted);
}

TEST_P(StoreContract, TheSameKeyThatComesAgainIsNotCountedTwice) {
  commit(of_token(make_token("t1", 2)));
  commit(joining(make_key("a", KeyState::kAccepted, 5)));
  EXPECT_EQ(result_of(commit(joining(make_key("a", KeyState::kAccepted, 6)))), UseResult::kRepeated);
  EXPECT_EQ(first_key(store()).version, 6U);
  EXPECT_EQ(used(store()), 1U);
}

TEST_P(StoreContract, AnotherKeyOfAnAcceptedIdAndARejectedOneChangeNothing) {
  commit(of_token(make_token("t1", 2)));
  commit(joining(make_key("a", KeyState::kAccepted, 5)));
  EXPECT_EQ(result_of(commit(joining(make_key("a", KeyState::kAccepted, 6, "another key")))), UseResult::kKeyKept);
  EXPECT_EQ(first_key(store()).public_key, "the key");
  Batch rejected;
  rejected.keys = {make_key("a", KeyState::kRejected, 7)};
  commit(rejected);
  EXPECT_EQ(result_of(commit(joining(make_key("a", KeyState::kAccepted, 8)))), UseResult::kKeyKept);
  EXPECT_EQ(result_of(commit(joining(make_key("a", KeyState::kAccepted, 7)))), UseResult::kKeyKept);
  EXPECT_EQ(first_key(store()).state, KeyState::kRejected);
  EXPECT_EQ(used(store()), 1U);
}

TEST_P(StoreContract, ATokenThatIsPutInAgainKeepsItsCount) {
  commit(of_token(make_token("t1")));
  commit(joining(make_key("a", KeyState::kAccepted, 5)));
  commit(of_token(make_token("t1")));
  EXPECT_EQ(used(store()), 1U);
  EXPECT_EQ(result_of(commit(joining(make_key("b", KeyState::kAccepted, 5)))), UseResult::kNoneLeft);
}

TEST_P(StoreContract, ADepartedMinionIsForgottenWithAllThatIsItsOwn) {
  Batch batch;
  batch.keys = {make_key("a", KeyState::kAccepted, 5), make_key("b", KeyState::kAccepted, 5)};
  batch.grains = {{minion("a"), "{}"}, {minion("b"), "{}"}};
  batch.journals = {{minion("a"), 1, 1}, {minion("b"), 1, 1}};
  commit(batch);
  EXPECT_THAT(commit(leaving("a", 5)).departures, ElementsAre(true));
  restart();
  EXPECT_EQ(first_key(store()).id, minion("b"));
  ASSERT_EQ(value_of(store().grains()).size(), 1U);
  EXPECT_EQ(value_of(store().grains())[0].id, minion("b"));
  ASSERT_EQ(value_of(store().journals()).size(), 1U);
  EXPECT_EQ(value_of(store().journals())[0].id, minion("b"));
  EXPECT_THAT(commit(leaving("a", 5)).departures, ElementsAre(false));
}

TEST_P(StoreContract, AMinionWhoseKeyHasChangedDoesNotDepart) {
  Batch batch;
  batch.keys = {make_key("a", KeyState::kAccepted, 6)};
  batch.grains = {{minion("a"), "{}"}};
  commit(batch);
  EXPECT_THAT(commit(leaving("a", 5)).departures, ElementsAre(false));
  EXPECT_EQ(first_key(store()).version, 6U);
  EXPECT_EQ(value_of(store().grains()).size(), 1U);
}

}  // namespace brine::store
