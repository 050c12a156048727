#include "engine/key_authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>

#include "base/task_loop.h"
#include "tests/unit/engine/fakes.h"

namespace brine::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Change = KeyAuthority::Change;

// The authority's loop is the test's own thread: what the ledger's thread posts waits until the test runs it.
class KeyAuthorityTest : public testing::Test {
 protected:
  KeyAuthorityTest()
      : ledger(store, clock, {.reopen_pause = milliseconds(0)}, {[](const auto&) {}, [](const auto&) {}, [] {}, [](std::uint64_t) {}}) {
    ledger.start({});
  }

  void make(KeyPolicy policy = {}) {
    policy.cluster = "test";
    keys = std::make_unique<KeyAuthority>(
        ledger, notary, clock, std::move(policy),
        KeyAuthority::Listener{.accepted = [this](const MinionId& id) { heard.push_back("accepted " + id.str()); },
                               .withdrawn = [this](const MinionId& id, std::string_view) { heard.push_back("withdrawn " + id.str()); },
                               .seen = [this](const MinionId& id, std::string_view act,
                                              std::string_view) { heard.push_back(std::string(act) + " " + id.str()); },
                               .overtaken = [this] { heard.push_back("overtaken"); }});
    keys->set_post([this](std::function<void()> task) {
      std::lock_guard lock(mutex);
      posted.push_back(std::move(task));
    });
  }
  // The same store under a new master process: the old one has heard the end of all that it had given to the ledger.
  void restart(KeyPolicy policy = {}) {
    std::atomic<bool> reached{false};
    ledger.change_keys({{}, {}, 0, [&reached](const Status&) { reached = true; }});
    ASSERT_TRUE(eventually([&] { return reached.load(); }));
    run_posted();
    make(std::move(policy));
    const auto last = store.settings()[std::string(kLastIndexSetting)];
    keys->load(*store.keys(), static_cast<std::uint32_t>(std::atoi(last.c_str())));
    heard.clear();
  }

  void run_posted() {
    std::vector<std::function<void()>> tasks;
    {
      std::lock_guard lock(mutex);
      tasks.swap(posted);
    }
    for (const auto& task : tasks) task();
  }
  bool settle(const std::function<bool()>& condition) {
    return eventually([&] {
      run_posted();
      return condition();
    });
  }

  static AdmissionRequest asking(std::string_view id, std::string key = "key") {
    return {minion_id(id), std::move(key), false, 0, "10.0.0.9", {}};
  }
  static AdmissionRequest resuming(std::string_view id, std::uint64_t version, std::string key = "key") {
    return {minion_id(id), std::move(key), true, version, "10.0.0.9", {}};
  }

  Admission admit(AdmissionRequest request) {
    std::optional<Admission> answer;
    keys->admit(request, [&](Admission admission) { answer = std::move(admission); });
    EXPECT_TRUE(settle([&] { return answer.has_value(); }));
    return answer.value_or(Admission{});
  }
  Result<KeyList> change(Change what, std::string_view id, bool denied = false) {
    KeyAuthority::Selection selection{[id = std::string(id)](const MinionId& other) { return id == "*" || other.str() == id; }, !denied,
                                      !denied, !denied, denied};
    std::optional<Result<KeyList>> answer;
    keys->change(what, selection, [&](Result<KeyList> result) { answer = std::move(result); });
    EXPECT_TRUE(settle([&] { return answer.has_value(); }));
    return answer ? std::move(*answer) : fail(Code::kTimeout, "no answer");
  }
  store::KeyState state_of(std::string_view id) const { return keys->find(minion_id(id))->state; }

  FakeClock clock;
  MemoryStore store;
  FakeNotary notary;
  Ledger ledger;
  std::mutex mutex;
  std::vector<std::function<void()>> posted;
  std::vector<std::string> heard;
  std::unique_ptr<KeyAuthority> keys;
};

TEST_F(KeyAuthorityTest, UnknownKeyWaitsForAnOperator) {
  make();
  const Admission admission = admit(asking("web"));
  EXPECT_EQ(admission.verdict, Verdict::kPending);
  EXPECT_EQ(admission.retry_after, seconds(10));
  EXPECT_THAT(admission.text, HasSubstr("brine-key -a"));
  EXPECT_THAT(keys->list().pending, ElementsAre(minion_id("web")));
  EXPECT_THAT(heard, ElementsAre("pend web"));
  ASSERT_THAT(*store.keys(), SizeIs(1));
}

TEST_F(KeyAuthorityTest, AcceptedKeyIsCommittedBeforeItsMinionIsWelcome) {
  make();
  admit(asking("web"));
  MemoryStore::Hold hold(store);
  bool answered = false;
  keys->change(Change::kAccept, {[](const MinionId&) { return true; }}, [&](const Result<KeyList>&) { answered = true; });
  ASSERT_TRUE(eventually([&] { return store.commit_is_waiting(); }));
  run_posted();
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kPending);
  EXPECT_FALSE(answered);
  EXPECT_FALSE(keys->is_accepted(minion_id("web")));
  hold.release();
  ASSERT_TRUE(settle([&] { return answered; }));
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kAccepted);
  EXPECT_THAT(heard, testing::Contains("accepted web"));
}

TEST_F(KeyAuthorityTest, AcceptFailsWithTheStoreAndChangesNothing) {
  make();
  admit(asking("web"));
  store.go_away("gone");
  const auto changed = change(Change::kAccept, "web");
  ASSERT_FALSE(changed.has_value());
  EXPECT_EQ(changed.error().code, Code::kUnavailable);
  EXPECT_EQ(state_of("web"), store::KeyState::kPending);
}

TEST_F(KeyAuthorityTest, NewKeyIsNotKeptWhileTheStoreIsAway) {
  make();
  store.go_away("gone");
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kBusy);
  EXPECT_EQ(keys->find(minion_id("web")), nullptr);
  store.come_back();
  ASSERT_TRUE(eventually([&] { return ledger.available(); }));
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kPending);
}

TEST_F(KeyAuthorityTest, ChangeAnswersWithTheListsThingsWereIn) {
  make();
  admit(asking("db"));
  admit(asking("web"));
  const auto changed = change(Change::kAccept, "*");
  ASSERT_TRUE(changed.has_value());
  EXPECT_THAT(changed->pending, ElementsAre(minion_id("db"), minion_id("web")));
  EXPECT_THAT(changed->accepted, IsEmpty());
  EXPECT_THAT(keys->accepted(), ElementsAre(minion_id("db"), minion_id("web")));
}

TEST_F(KeyAuthorityTest, ChangeOfNothingIsAnEmptyAnswer) {
  make();
  const auto changed = change(Change::kAccept, "nobody");
  ASSERT_TRUE(changed.has_value());
  EXPECT_THAT(changed->pending, IsEmpty());
  EXPECT_EQ(store.key_writes(), 0);
}

TEST_F(KeyAuthorityTest, AnotherKeyForAKnownIdIsDeniedAndCounted) {
  make();
  admit(asking("web"));
  change(Change::kAccept, "web");
  for (int i = 0; i < 3; ++i) {
    const Admission admission = admit(asking("web", "other"));
    EXPECT_EQ(admission.verdict, Verdict::kDenied);
    EXPECT_EQ(admission.retry_after, seconds(30));
    EXPECT_THAT(admission.text, HasSubstr("brine-key -d web"));
  }
  EXPECT_THAT(keys->list().denied, ElementsAre(minion_id("web")));
  EXPECT_EQ(keys->find(minion_id("web"), true)->attempts, 3u);
  EXPECT_EQ(keys->find(minion_id("web"), true)->public_key, "other");
  EXPECT_TRUE(keys->is_accepted(minion_id("web")));
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kAccepted);
}

TEST_F(KeyAuthorityTest, DeniedClaimsAreWrittenAtMostEveryTenSeconds) {
  make();
  admit(asking("web"));
  const int before = store.key_writes();
  for (int i = 0; i < 50; ++i) admit(asking("web", "other"));
  EXPECT_EQ(store.key_writes(), before + 1);
  clock.advance(seconds(10));
  for (int i = 0; i < 50; ++i) admit(asking("web", "other"));
  EXPECT_EQ(store.key_writes(), before + 2);
  restart();
  EXPECT_EQ(keys->find(minion_id("web"), true)->attempts, 51u);
}

TEST_F(KeyAuthorityTest, AtMostSoManyKeysWait) {
  KeyPolicy policy;
  policy.pending_max = 3;
  make(policy);
  for (const auto id : {"a", "b", "c"}) EXPECT_EQ(admit(asking(id)).verdict, Verdict::kPending);
  const Admission fourth = admit(asking("d"));
  EXPECT_EQ(fourth.verdict, Verdict::kBusy);
  EXPECT_THAT(fourth.text, HasSubstr("too many keys"));
  EXPECT_EQ(admit(asking("a")).verdict, Verdict::kPending);
  change(Change::kAccept, "b");
  EXPECT_EQ(admit(asking("d")).verdict, Verdict::kPending);
  EXPECT_EQ(admit(asking("e")).verdict, Verdict::kBusy);
}

TEST_F(KeyAuthorityTest, FloodDoesNotPassTheBoundWhileCommitsAreUnderWay) {
  KeyPolicy policy;
  policy.pending_max = 10;
  make(policy);
  MemoryStore::Hold hold(store);
  int busy = 0;
  int pending = 0;
  for (int i = 0; i < 100; ++i) {
    keys->admit(asking("m" + std::to_string(i)),
                [&](const Admission& admission) { ++(admission.verdict == Verdict::kBusy ? busy : pending); });
  }
  hold.release();
  ASSERT_TRUE(settle([&] { return busy + pending == 100; }));
  EXPECT_EQ(pending, 10);
  EXPECT_EQ(keys->list().pending.size(), 10u);
}

TEST_F(KeyAuthorityTest, PlacesAreFreedByRejectionDeletionAndFailedCommits) {
  KeyPolicy policy;
  policy.pending_max = 1;
  make(policy);
  admit(asking("a"));
  change(Change::kReject, "a");
  EXPECT_EQ(admit(asking("b")).verdict, Verdict::kPending);
  change(Change::kDelete, "b");
  store.fail_commits(1);
  EXPECT_EQ(admit(asking("c")).verdict, Verdict::kBusy);
  ASSERT_TRUE(eventually([&] { return ledger.available(); }));
  EXPECT_EQ(admit(asking("d")).verdict, Verdict::kPending);
}

TEST_F(KeyAuthorityTest, PendingKeyNobodyDecidedAboutIsForgotten) {
  KeyPolicy policy;
  policy.pending_life = seconds(100);
  policy.pending_max = 1;
  make(policy);
  admit(asking("web"));
  clock.advance(seconds(99));
  keys->tick();
  EXPECT_NE(keys->find(minion_id("web")), nullptr);
  clock.advance(seconds(2));
  keys->tick();
  EXPECT_EQ(keys->find(minion_id("web")), nullptr);
  EXPECT_TRUE(eventually([&] { return store.keys()->empty(); }));
  EXPECT_EQ(admit(asking("db")).verdict, Verdict::kPending);
}

TEST_F(KeyAuthorityTest, AcceptedKeyNeverExpires) {
  KeyPolicy policy;
  policy.pending_life = seconds(100);
  make(policy);
  admit(asking("web"));
  change(Change::kAccept, "web");
  clock.advance(seconds(1'000'000));
  keys->tick();
  EXPECT_TRUE(keys->is_accepted(minion_id("web")));
}

TEST_F(KeyAuthorityTest, CountsAgreeWithTheListsWhateverHappensToTheKeys) {
  make({.pending_life = seconds(3'600)});
  const auto agree = [this] {
    const KeyList list = keys->list();
    const KeyCounts counts = keys->counts();
    EXPECT_THAT((std::array{counts.accepted, counts.pending, counts.rejected, counts.denied}),
                ElementsAre(list.accepted.size(), list.pending.size(), list.rejected.size(), list.denied.size()));
    return counts;
  };
  for (const char* id : {"a", "b", "c", "d"}) admit(asking(id));
  EXPECT_EQ(agree().pending, 4U);
  EXPECT_TRUE(change(Change::kAccept, "a"));
  EXPECT_TRUE(change(Change::kAccept, "b"));
  EXPECT_TRUE(change(Change::kReject, "c"));
  EXPECT_EQ(agree().accepted, 2U);
  EXPECT_EQ(agree().rejected, 1U);
  admit(asking("a", "another"));
  EXPECT_EQ(agree().denied, 1U);
  EXPECT_TRUE(change(Change::kAccept, "a", true));
  EXPECT_TRUE(change(Change::kReject, "b"));
  EXPECT_EQ(agree().accepted, 1U);
  EXPECT_TRUE(change(Change::kDelete, "a"));
  EXPECT_EQ(agree().accepted, 0U);
  clock.advance(seconds(3'601));
  keys->tick();
  EXPECT_EQ(agree().pending, 0U);
  restart();
  EXPECT_EQ(agree().rejected, 2U);
}

TEST_F(KeyAuthorityTest, AutosignAcceptsOnlyWhatItNames) {
  KeyPolicy policy;
  policy.autosign = [](const MinionId& id) { return id.str().starts_with("web"); };
  make(policy);
  EXPECT_EQ(admit(asking("web1")).verdict, Verdict::kAccepted);
  EXPECT_EQ(admit(asking("db1")).verdict, Verdict::kPending);
  EXPECT_THAT(heard, ElementsAre("accept web1", "accepted web1", "pend db1"));
}

TEST_F(KeyAuthorityTest, AutosignDoesNotReplaceAKnownKey) {
  KeyPolicy policy;
  policy.autosign = [](const MinionId&) { return true; };
  make(policy);
  admit(asking("web"));
  EXPECT_EQ(admit(asking("web", "other")).verdict, Verdict::kDenied);
  EXPECT_EQ(keys->find(minion_id("web"))->public_key, "key");
}

TEST_F(KeyAuthorityTest, AutoAcceptTakesAnyone) {
  KeyPolicy policy;
  policy.auto_accept = true;
  make(policy);
  EXPECT_EQ(admit(asking("anything")).verdict, Verdict::kAccepted);
}

TEST_F(KeyAuthorityTest, ASyndicIsNotAcceptedWithoutAnOperator) {
  KeyPolicy policy;
  policy.auto_accept = true;
  policy.autosign = [](const MinionId&) { return true; };
  make(policy);
  AdmissionRequest syndic = asking("eu-1");
  syndic.kind = store::KeyKind::kSyndic;
  EXPECT_EQ(admit(syndic).verdict, Verdict::kPending);
  change(Change::kAccept, "eu-1");
  EXPECT_EQ(admit(syndic).verdict, Verdict::kAccepted);
  EXPECT_EQ(keys->find(minion_id("eu-1"))->kind, store::KeyKind::kSyndic);
}

TEST_F(KeyAuthorityTest, AKeyThatWasTakenAsAMinionsIsNoSyndics) {
  make();
  admit(asking("web"));
  change(Change::kAccept, "web");
  AdmissionRequest syndic = asking("web");
  syndic.kind = store::KeyKind::kSyndic;
  EXPECT_EQ(admit(syndic).verdict, Verdict::kDenied);
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kAccepted);
}

TEST_F(KeyAuthorityTest, AutoAcceptedKeyIsNotAcceptedBeforeItIsCommitted) {
  KeyPolicy policy;
  policy.auto_accept = true;
  make(policy);
  MemoryStore::Hold hold(store);
  std::vector<Verdict> first;
  std::vector<Verdict> second;
  keys->admit(asking("web"), [&](const Admission& admission) { first.push_back(admission.verdict); });
  ASSERT_TRUE(eventually([&] { return store.commit_is_waiting(); }));
  keys->admit(asking("web"), [&](const Admission& admission) { second.push_back(admission.verdict); });
  run_posted();
  EXPECT_THAT(first, IsEmpty());
  EXPECT_THAT(second, testing::Not(testing::Contains(Verdict::kAccepted)));
  EXPECT_FALSE(keys->is_accepted(minion_id("web")));
  hold.release();
  ASSERT_TRUE(settle([&] { return !first.empty(); }));
  EXPECT_THAT(first, ElementsAre(Verdict::kAccepted));
}

TEST_F(KeyAuthorityTest, WhatWasDecidedIsKnownAfterARestart) {
  make();
  admit(asking("web"));
  admit(asking("bad"));
  change(Change::kAccept, "web");
  change(Change::kReject, "bad");
  restart();
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kAccepted);
  EXPECT_EQ(admit(asking("bad")).verdict, Verdict::kRejected);
}

TEST_F(KeyAuthorityTest, UnsignedRecordsAreIgnored) {
  store::KeyRecord forged;
  forged.id = minion_id("web");
  forged.state = store::KeyState::kAccepted;
  forged.public_key = "key";
  forged.index = 1;
  forged.version = 5;
  store.put_key(forged);
  restart();
  EXPECT_EQ(keys->find(minion_id("web")), nullptr);
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kPending);
}

TEST_F(KeyAuthorityTest, AlteredRecordsAreIgnored) {
  make();
  admit(asking("web"));
  change(Change::kAccept, "web");
  const store::KeyRecord intact = store.keys()->at(0);
  const std::vector<std::function<void(store::KeyRecord&)>> alterations{
      [](store::KeyRecord& r) { r.public_key = "mine"; },  [](store::KeyRecord& r) { r.state = store::KeyState::kRejected; },
      [](store::KeyRecord& r) { r.version += 1; },         [](store::KeyRecord& r) { r.index += 1; },
      [](store::KeyRecord& r) { r.changed += 1; },         [](store::KeyRecord& r) { r.signer = "somebody"; },
      [](store::KeyRecord& r) { r.id = minion_id("db"); }, [](store::KeyRecord& r) { r.kind = store::KeyKind::kSyndic; }};
  for (std::size_t i = 0; i < alterations.size(); ++i) {
    store::KeyRecord altered = intact;
    alterations[i](altered);
    make();
    keys->load({altered}, 0);
    EXPECT_EQ(keys->find(altered.id), nullptr) << i;
  }
  make();
  keys->load({intact}, 0);
  EXPECT_TRUE(keys->is_accepted(minion_id("web")));
}

TEST_F(KeyAuthorityTest, IndexOfADeletedMinionIsNotGivenAgainNotEvenAfterARestart) {
  make();
  for (const char* id : {"a", "b"}) {
    admit(asking(id));
    change(Change::kAccept, id);
  }
  const std::uint32_t last = keys->find(minion_id("b"))->index;
  change(Change::kDelete, "b");
  restart();
  admit(asking("c"));
  change(Change::kAccept, "c");
  EXPECT_GT(keys->find(minion_id("c"))->index, last);
}

TEST_F(KeyAuthorityTest, AKeyThatIsRefreshedWhileItsChangeIsOnItsWayHasToBeReadAgain) {
  make();
  for (const char* id : {"web", "db"}) {
    admit(asking(id));
    change(Change::kAccept, id);
  }
  heard.clear();
  change(Change::kDelete, "db");
  EXPECT_THAT(heard, ElementsAre("withdrawn db")) << "nothing has overtaken it";
  heard.clear();
  bool answered = false;
  KeyAuthority::Selection web{[](const MinionId& id) { return id.str() == "web"; }, false, true};
  keys->change(Change::kDelete, web, [&](const Result<KeyList>& result) { answered = result.has_value(); });
  keys->refresh({minion_id("web")}, {*keys->find(minion_id("web"))});
  EXPECT_TRUE(settle([&] { return answered; }));
  EXPECT_THAT(heard, ElementsAre("withdrawn web", "overtaken"));
}

TEST_F(KeyAuthorityTest, RecordOfAnotherClusterIsIgnored) {
  make();
  admit(asking("web"));
  KeyAuthority other(ledger, notary, clock, {.cluster = "other"}, {});
  other.load(*store.keys(), 0);
  EXPECT_EQ(other.find(minion_id("web")), nullptr);
}

TEST_F(KeyAuthorityTest, TicketOfTheCurrentRecordIsGood) {
  make();
  admit(asking("web"));
  change(Change::kAccept, "web");
  const std::uint64_t version = admit(asking("web")).key_version;
  const Admission resumed = admit(resuming("web", version));
  EXPECT_EQ(resumed.verdict, Verdict::kAccepted);
  EXPECT_EQ(resumed.key_version, version);
}

TEST_F(KeyAuthorityTest, TicketIsVoidAfterTheKeyWasChanged) {
  make();
  admit(asking("web"));
  change(Change::kAccept, "web");
  const std::uint64_t version = admit(asking("web")).key_version;
  change(Change::kReject, "web");
  EXPECT_EQ(admit(resuming("web", version)).verdict, Verdict::kRejected);
  change(Change::kAccept, "web");
  const Admission stale = admit(resuming("web", version));
  EXPECT_EQ(stale.verdict, Verdict::kBusy);
  EXPECT_EQ(stale.retry_after, milliseconds(0));
  EXPECT_THAT(stale.text, HasSubstr("void"));
}

TEST_F(KeyAuthorityTest, TicketIsVoidAfterTheKeyWasDeletedAndAcceptedAgain) {
  make();
  admit(asking("web"));
  change(Change::kAccept, "web");
  const std::uint64_t version = admit(asking("web")).key_version;
  clock.advance(seconds(1));
  change(Change::kDelete, "web");
  EXPECT_EQ(admit(resuming("web", version)).verdict, Verdict::kBusy);
  EXPECT_EQ(keys->find(minion_id("web")), nullptr);
  admit(asking("web"));
  change(Change::kAccept, "web");
  EXPECT_EQ(admit(resuming("web", version)).verdict, Verdict::kBusy);
}

TEST_F(KeyAuthorityTest, DeletingOneKeyWithdrawsExactlyThatMinion) {
  KeyPolicy policy;
  policy.auto_accept = true;
  make(policy);
  for (const auto id : {"a", "b", "c"}) admit(asking(id));
  heard.clear();
  const auto deleted = change(Change::kDelete, "b");
  ASSERT_TRUE(deleted.has_value());
  EXPECT_THAT(deleted->accepted, ElementsAre(minion_id("b")));
  EXPECT_THAT(heard, ElementsAre("withdrawn b"));
  EXPECT_THAT(keys->accepted(), ElementsAre(minion_id("a"), minion_id("c")));
  EXPECT_EQ(store.keys()->size(), 2u);
}

TEST_F(KeyAuthorityTest, RejectedKeyIsToldSoAndMayBeAcceptedLater) {
  KeyPolicy policy;
  policy.auto_accept = true;
  make(policy);
  admit(asking("web"));
  heard.clear();
  change(Change::kReject, "web");
  EXPECT_THAT(heard, ElementsAre("withdrawn web"));
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kRejected);
  EXPECT_EQ(state_of("web"), store::KeyState::kRejected);
  change(Change::kAccept, "web");
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kAccepted);
}

TEST_F(KeyAuthorityTest, AcceptingADeniedKeySwapsTheKeys) {
  make();
  admit(asking("web"));
  change(Change::kAccept, "web");
  admit(asking("web", "other"));
  heard.clear();
  const auto changed = change(Change::kAccept, "web", true);
  ASSERT_TRUE(changed.has_value());
  EXPECT_THAT(changed->denied, ElementsAre(minion_id("web")));
  EXPECT_THAT(heard, ElementsAre("withdrawn web", "accepted web"));
  EXPECT_EQ(admit(asking("web", "other")).verdict, Verdict::kAccepted);
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kDenied);
  restart();
  EXPECT_EQ(admit(asking("web", "other")).verdict, Verdict::kAccepted);
}

TEST_F(KeyAuthorityTest, RejectingADeniedClaimLeavesTheAcceptedKeyAlone) {
  make();
  admit(asking("web"));
  change(Change::kAccept, "web");
  admit(asking("web", "other"));
  heard.clear();
  change(Change::kReject, "web", true);
  EXPECT_THAT(heard, IsEmpty());
  EXPECT_EQ(admit(asking("web")).verdict, Verdict::kAccepted);
  EXPECT_THAT(keys->list().denied, IsEmpty());
}

TEST_F(KeyAuthorityTest, AcceptingAWaitingAndADeniedKeyOfOneIdIsTheSameAfterARestart) {
  make();
  admit(asking("web"));
  admit(asking("web", "other"));
  std::optional<Result<KeyList>> answer;
  keys->change(Change::kAccept, {[](const MinionId&) { return true; }, true, false, false, true},
               [&](Result<KeyList> result) { answer = std::move(result); });
  ASSERT_TRUE(settle([&] { return answer.has_value(); }));
  const std::string key = keys->find(minion_id("web"))->public_key;
  restart();
  ASSERT_TRUE(keys->is_accepted(minion_id("web")));
  EXPECT_EQ(keys->find(minion_id("web"))->public_key, key);
}

TEST_F(KeyAuthorityTest, IndexIsGivenAtAcceptanceAndKept) {
  make();
  admit(asking("a"));
  admit(asking("b"));
  EXPECT_EQ(keys->find(minion_id("a"))->index, 0u);
  change(Change::kAccept, "b");
  change(Change::kAccept, "a");
  EXPECT_EQ(keys->find(minion_id("b"))->index, 1u);
  EXPECT_EQ(keys->find(minion_id("a"))->index, 2u);
  change(Change::kReject, "b");
  change(Change::kAccept, "b");
  EXPECT_EQ(keys->find(minion_id("b"))->index, 1u);
  restart();
  admit(asking("c"));
  change(Change::kAccept, "c");
  EXPECT_EQ(keys->find(minion_id("c"))->index, 3u);
}

}  // namespace
}  // namespace brine::engine
