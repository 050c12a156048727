#include "wire/job.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/unit/wire/samples.h"

namespace brine::wire {
namespace {

auto fields(const Job& m) {
  return std::tuple(m.cluster_root, m.jid.str(), m.manifest_epoch, m.signer, m.function, m.arguments, m.target_kind, m.target, m.delimiter,
                    m.expected_root, m.expected_count, m.issued, m.not_after, m.timeout.count());
}

TEST(JobCodec, EveryFieldIsReadFromTheGoldenFile) {
  const auto job = decode_job(golden("job"));
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(fields(*job), fields(sample_job()));
}

TEST(JobCodec, SignedJobKeepsTheExactBytes) {
  const auto job = decode_signed_job(golden("signed_job"));
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(std::tuple(job->job, job->signature), std::tuple(sample_signed_job().job, sample_signed_job().signature));
}

TEST(JobCodec, LargeTextsRoundTrip) {
  Job job = sample_job();
  job.arguments = std::string(1U << 20, 'x');
  job.target = std::string(100'000, 'y');
  const auto again = decode_job(encode(job));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(fields(*again), fields(job));
}

TEST(JobCodec, HashesKeysAndSignaturesOfAnotherLengthAreRefused) {
  for (std::string Job::* field : {&Job::cluster_root, &Job::signer, &Job::expected_root}) {
    for (const std::size_t size : {0U, 31U, 33U}) {
      Job job = sample_job();
      job.*field = bytes_from(0, size);
      EXPECT_EQ(decode_job(encode(job)).error().code, Code::kInvalid);
    }
  }
  for (const std::size_t size : {0U, 63U, 65U}) {
    SignedJob job = sample_signed_job();
    job.signature = bytes_from(0, size);
    EXPECT_EQ(decode_signed_job(encode(job)).error().code, Code::kInvalid);
  }
}

TEST(JobCodec, JidThatIsNotAPointInTimeIsRefused) {
  for (const char* jid : {"", "../../../etc/passwd0", "20240229123456", "20241329123456123456"}) {
    Job job = sample_job();
    job.jid = JobId::trusted(jid);
    EXPECT_FALSE(decode_job(encode(job))) << jid;
  }
}

}  // namespace
}  // namespace brine::wire
