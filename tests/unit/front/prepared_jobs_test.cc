#include "front/prepared_jobs.h"

#include <gtest/gtest.h>

#include "tests/unit/engine/fakes.h"
#include "wire/job.h"

namespace brine::front {
namespace {

store::JobRecord job(int number, std::initializer_list<std::string_view> ids, std::string signature) {
  store::JobRecord record = *engine::job_for(number, ids);
  record.signed_job = "content for " + signature;
  record.signature = std::move(signature);
  return record;
}

std::string sent(const store::JobRecord& record) { return encode(wire::SignedJob{record.signed_job, record.signature}); }

TEST(PreparedJobs, AreMadeOnce) {
  PreparedJobs jobs;
  const auto record = job(1, {"a", "b"}, "one");
  const auto first = jobs.of(record);
  EXPECT_EQ(first->signed_job, sent(record));
  EXPECT_EQ(first->tree.root(), net::MerkleTree(record.expected).root());
  EXPECT_EQ(jobs.of(record), first);
}

TEST(PreparedJobs, TheTreeMadeWhileSigningIsTheOneThatIsDelivered) {
  PreparedJobs jobs;
  const auto record = job(1, {"a", "b"}, "one");
  jobs.add(record, net::MerkleTree(record.expected));
  EXPECT_EQ(jobs.of(record)->tree.root(), net::MerkleTree(record.expected).root());
}

TEST(PreparedJobs, AJobOfAnotherMasterWithTheSameJidIsNotTakenForTheOneSignedHere) {
  PreparedJobs jobs;
  const auto ours = job(1, {"a", "b"}, "ours");
  const auto theirs = job(1, {"a", "c"}, "theirs");
  jobs.add(ours, net::MerkleTree(ours.expected));  // refused by the store: the jid was taken
  const auto prepared = jobs.of(theirs);
  EXPECT_EQ(prepared->signed_job, sent(theirs));
  EXPECT_EQ(prepared->tree.root(), net::MerkleTree(theirs.expected).root());
  EXPECT_EQ(jobs.of(theirs), prepared);
}

TEST(PreparedJobs, AreForgottenWhenTheyAreClosed) {
  PreparedJobs jobs;
  const auto record = job(1, {"a"}, "one");
  const std::weak_ptr<const PreparedJob> kept = jobs.of(record);
  EXPECT_FALSE(kept.expired());
  jobs.forget(record.jid);
  EXPECT_TRUE(kept.expired());
}

TEST(PreparedJobs, ManyJobsForManyMinionsStayWithSmallerTrees) {
  PreparedJobs jobs;
  store::JobRecord record = job(1, {}, "many");
  for (int i = 0; i < 10'000; ++i) record.expected.push_back(MinionId::trusted("minion-" + std::to_string(10'000 + i)));
  std::vector<std::shared_ptr<const PreparedJob>> first;
  for (int number = 1; number <= 100; ++number) {
    record.jid = engine::jid_number(number);
    first.push_back(jobs.of(record));
  }
  record.jid = engine::jid_number(1);
  const auto oldest = jobs.of(record);
  EXPECT_TRUE(oldest->tree.is_shrunk());
  EXPECT_EQ(jobs.of(record), oldest) << "it is not made again";
  EXPECT_TRUE(net::verify_inclusion(record.expected[77], 77, 10'000, oldest->tree.proof(record.expected, 77), first[0]->tree.root()));
  record.jid = engine::jid_number(100);
  EXPECT_EQ(jobs.of(record), first.back()) << "the newest is as it was";
  EXPECT_FALSE(first.back()->tree.is_shrunk());
}

TEST(PreparedJobs, TheOldestGoWhenTheyTakeTooMuch) {
  PreparedJobs jobs;
  auto big = job(1, {"a"}, "big");
  big.signed_job = std::string(20U << 20, 'x');
  const std::weak_ptr<const PreparedJob> kept = jobs.of(big);
  auto next = big;
  next.jid = engine::jid_number(2);
  const auto held = jobs.of(next);
  EXPECT_TRUE(kept.expired());
  EXPECT_EQ(jobs.of(next), held);
}

}  // namespace
}  // namespace brine::front
