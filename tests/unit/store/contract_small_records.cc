#include <gmock/gmock.h>

#include "tests/unit/store/contract.h"

namespace brine::store {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;

KeyRecord make_key(std::string_view id, KeyState state, std::uint64_t version) {
  KeyRecord key;
  key.id = minion(id);
  key.state = state;
  key.public_key = std::string(32, '\0') + std::to_string(version);
  key.index = 4'000'000'000;
  key.version = version;
  key.changed = 77;
  key.attempts = 3;
  key.signer = std::string("\0sig", 4);
  key.signature = std::string("\xff\0", 2);
  key.kind = KeyKind::kSyndic;
  return key;
}

void expect_same(const KeyRecord& a, const KeyRecord& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.public_key, b.public_key);
  EXPECT_EQ(a.index, b.index);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.changed, b.changed);
  EXPECT_EQ(a.attempts, b.attempts);
  EXPECT_EQ(a.signer, b.signer);
  EXPECT_EQ(a.signature, b.signature);
  EXPECT_EQ(a.kind, b.kind);
}

Batch of_keys(std::vector<KeyRecord> keys) {
  Batch batch;
  batch.keys = std::move(keys);
  return batch;
}

}  // namespace

TEST_P(StoreContract, AKeyIsReadBackWithEveryField) {
  const auto key = make_key("a", KeyState::kAccepted, 5);
  commit(of_keys({key}));
  restart();
  const auto keys = value_of(store().keys());
  ASSERT_EQ(keys.size(), 1U);
  expect_same(keys[0], key);
}

TEST_P(StoreContract, OnlyAHigherVersionReplacesAKey) {
  commit(of_keys({make_key("a", KeyState::kAccepted, 5)}));
  EXPECT_THAT(
      commit(of_keys({make_key("a", KeyState::kRejected, 5), make_key("a", KeyState::kPending, 4), make_key("b", KeyState::kPending, 1)}))
          .keys,
      ElementsAre(false, false, true));
  EXPECT_EQ(value_of(store().keys()).at(0).state, KeyState::kAccepted);
  commit(of_keys({make_key("a", KeyState::kRejected, 6)}));
  const auto keys = value_of(store().keys());
  ASSERT_EQ(keys.size(), 2U);
  expect_same(keys[0], make_key("a", KeyState::kRejected, 6));
}

TEST_P(StoreContract, AnIdHasADeniedRecordBesideTheOther) {
  commit(of_keys({make_key("a", KeyState::kAccepted, 9), make_key("a", KeyState::kDenied, 1)}));
  EXPECT_EQ(value_of(store().keys()).size(), 2U);
  Batch batch;
  batch.forgotten_keys.emplace_back(minion("a"), true);
  commit(batch);
  const auto keys = value_of(store().keys());
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].state, KeyState::kAccepted);
}

TEST_P(StoreContract, AForgottenKeyIsGoneAndMayComeBackWithALowVersion) {
  commit(of_keys({make_key("a", KeyState::kAccepted, 9), make_key("b", KeyState::kAccepted, 9)}));
  Batch batch;
  batch.forgotten_keys.emplace_back(minion("a"), false);
  batch.forgotten_keys.emplace_back(minion("never-there"), false);
  commit(batch);
  EXPECT_EQ(value_of(store().keys()).size(), 1U);
  commit(of_keys({make_key("a", KeyState::kPending, 1)}));
  EXPECT_EQ(value_of(store().keys()).size(), 2U);
}

TEST_P(StoreContract, GrainsAreReplacedAndForgotten) {
  Batch first;
  first.grains = {{minion("a"), R"({"os":"Debian"})"}, {minion("b"), "{}"}};
  commit(first);
  Batch second;
  second.grains = {{minion("a"), R"({"os":"Ubuntu"})"}};
  second.forgotten_minions = minions({"b", "never-there"});
  commit(second);
  restart();
  const auto grains = value_of(store().grains());
  ASSERT_EQ(grains.size(), 1U);
  EXPECT_EQ(grains[0].id, minion("a"));
  EXPECT_EQ(grains[0].json, R"({"os":"Ubuntu"})");
}

TEST_P(StoreContract, AMineEntryIsReadBackWithEveryField) {
  Batch batch;
  batch.mine = {{minion("a"), "addr", std::string("\"\0\xff\"", 4), "glob web*", 77}};
  commit(batch);
  restart();
  const auto mine = value_of(store().mine());
  ASSERT_EQ(mine.size(), 1U);
  EXPECT_EQ(mine[0].id, minion("a"));
  EXPECT_EQ(mine[0].name, "addr");
  EXPECT_EQ(mine[0].value, std::string("\"\0\xff\"", 4));
  EXPECT_EQ(mine[0].allow, "glob web*");
  EXPECT_EQ(mine[0].changed, 77);
}

TEST_P(StoreContract, MineEntriesAreReplacedAndForgottenOneByOne) {
  Batch first;
  first.mine = {{minion("b"), "x", "1", "", 1}, {minion("a"), "y", "2", "", 1}, {minion("a"), "x", "3", "", 1}};
  commit(first);
  Batch second;
  second.mine = {{minion("a"), "x", "4", "", 2}};
  second.forgotten_mine = {{minion("a"), "y"}, {minion("b"), "never-there"}, {minion("never-there"), "x"}};
  commit(second);
  EXPECT_THAT(value_of(store().mine()), ElementsAre(AllOf(Field(&MineRecord::id, minion("a")), Field(&MineRecord::value, "4")),
                                                    AllOf(Field(&MineRecord::id, minion("b")), Field(&MineRecord::value, "1"))));
}

TEST_P(StoreContract, AForgottenMinionHasNoMineEntriesLeft) {
  Batch batch;
  batch.mine = {{minion("a"), "x", "1", "", 1}, {minion("a"), "y", "1", "", 1}, {minion("b"), "x", "1", "", 1}};
  commit(batch);
  Batch gone;
  gone.forgotten_minions = minions({"a"});
  commit(gone);
  restart();
  EXPECT_THAT(value_of(store().mine()), ElementsAre(Field(&MineRecord::id, minion("b"))));
}

TEST_P(StoreContract, AJournalMarkIsReplacedAndForgotten) {
  Batch first;
  first.journals = {{minion("a"), UINT64_MAX, 1}, {minion("b"), 7, 2}};
  commit(first);
  Batch second;
  second.journals = {{minion("a"), 8, UINT64_MAX}};
  second.forgotten_minions = minions({"b", "never-there"});
  commit(second);
  restart();
  const auto marks = value_of(store().journals());
  ASSERT_EQ(marks.size(), 1U);
  EXPECT_EQ(marks[0].id, minion("a"));
  EXPECT_EQ(marks[0].epoch, 8U);
  EXPECT_EQ(marks[0].sequence, UINT64_MAX);
}

TEST_P(StoreContract, ASettingIsKeptReplacedAndDeletedByAnEmptyValue) {
  EXPECT_FALSE(value_of(store().setting("ticket")).has_value());
  Batch batch;
  batch.settings["ticket"] = std::string("\0secret", 7);
  commit(batch);
  restart();
  EXPECT_EQ(value_of(store().setting("ticket")), std::string("\0secret", 7));
  batch.settings["ticket"] = "";
  commit(batch);
  EXPECT_FALSE(value_of(store().setting("ticket")).has_value());
}

TEST_P(StoreContract, ReopeningAHealthyStoreChangesNothing) {
  publish(make_job(1, minions({"a"})));
  add(make_return(1, "a"));
  const auto epoch = store().epoch();
  ASSERT_TRUE(store().reopen().has_value());
  EXPECT_EQ(store().epoch(), epoch);
  EXPECT_EQ(add(make_return(1, "a")), ReturnResult::kRepeated);
  EXPECT_EQ(value_of(store().outbox_usage()).entries, 1U);
}

}  // namespace brine::store
