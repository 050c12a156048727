#include "wire/operator.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/unit/wire/samples.h"
#include "wire/frame.h"

namespace brine::wire {
namespace {

std::string body_of(std::string_view frame, FrameType type) {
  const auto parsed = parse_frame(frame);
  EXPECT_TRUE(parsed && parsed->type == type);
  return parsed ? std::string(parsed->body) : std::string();
}

template <typename Message>
Message read_request(const std::string& name) {
  auto decoded = decode_request(body_of(golden(name), FrameType::kOperatorRequest));
  EXPECT_TRUE(decoded && std::holds_alternative<Message>(*decoded)) << name;
  return decoded ? std::get<Message>(*decoded) : Message{};
}

template <typename Message>
Message read_reply(const std::string& name) {
  auto decoded = decode_reply(body_of(golden(name), FrameType::kOperatorReply));
  EXPECT_TRUE(decoded && std::holds_alternative<Message>(*decoded)) << name;
  return decoded ? std::get<Message>(*decoded) : Message{};
}

bool decodes(const OperatorReply& reply) { return decode_reply(body_of(encode_reply(reply), FrameType::kOperatorReply)).has_value(); }

auto fields(const Submit& m) {
  return std::tuple(m.submission.bytes, m.target_kind, m.target, m.delimiter, m.function, m.arguments, m.timeout.count(), m.expires.count(),
                    m.subset, m.detach);
}

TEST(OperatorCodec, RequestsAreReadWhole) {
  EXPECT_EQ(fields(read_request<Submit>("request_submit")), fields(sample_submit()));
  const auto run = read_request<wire::Run>("request_run");
  EXPECT_EQ(std::tuple(run.function, run.arguments), std::tuple(sample_run().function, sample_run().arguments));
}

TEST(OperatorCodec, RepliesAreReadWhole) {
  const auto accepted = read_reply<Accepted>("reply_accepted");
  EXPECT_EQ(std::tuple(accepted.jid, accepted.expected, accepted.repeated),
            std::tuple(sample_accepted().jid, sample_accepted().expected, sample_accepted().repeated));
  const auto value = read_reply<MinionReturn>("reply_minion_return");
  const auto expected = sample_minion_return();
  EXPECT_EQ(std::tuple(value.minion, value.state, value.retcode, value.success, value.payload),
            std::tuple(expected.minion, expected.state, expected.retcode, expected.success, expected.payload));
  EXPECT_EQ(read_reply<RunResult>("reply_run_result").json, sample_run_result().json);
  const auto failure = read_reply<Failure>("reply_failure");
  EXPECT_EQ(std::tuple(failure.code, failure.message), std::tuple(sample_failure().code, sample_failure().message));
}

TEST(OperatorCodec, MissingMinionsAreReadInOrder) {
  const auto all = [](const Missing& m) { return std::tuple(m.minion.str(), m.state, m.text); };
  const auto finished = read_reply<Finished>("reply_finished");
  ASSERT_EQ(finished.missing.size(), 2U);
  EXPECT_EQ(all(finished.missing[0]), all(sample_finished().missing[0]));
  EXPECT_EQ(all(finished.missing[1]), all(sample_finished().missing[1]));
}

TEST(OperatorCodec, TenThousandMissingMinionsRoundTrip) {
  Finished finished;
  finished.missing.assign(10'000, sample_finished().missing[1]);
  EXPECT_TRUE(decodes(finished));
}

TEST(OperatorCodec, EveryErrorCodeRoundTrips) {
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) {
    const auto reply = decode_reply(body_of(encode_reply(Failure{static_cast<Code>(code), "x"}), FrameType::kOperatorReply));
    ASSERT_TRUE(reply);
    EXPECT_EQ(static_cast<int>(std::get<Failure>(*reply).code), code);
  }
}

TEST(OperatorCodec, BadIdsAreRefused) {
  EXPECT_FALSE(decodes(Accepted{JobId::trusted("../../../etc/passwd0"), 1, false}));
  EXPECT_FALSE(decodes(MinionReturn{MinionId::trusted("../x"), "returned", 0, true, "1"}));
  EXPECT_FALSE(decodes(Finished{{{MinionId::trusted("a/b"), "lost", ""}}}));
}

TEST(OperatorCodec, EndlessExpiryIsCappedAndNotNegative) {
  Submit submit = sample_submit();
  submit.expires = milliseconds(-1);
  const auto again = decode_request(body_of(encode_request(submit), FrameType::kOperatorRequest));
  ASSERT_TRUE(again);
  EXPECT_EQ(std::get<Submit>(*again).expires.count(), 1LL << 50);
}

}  // namespace
}  // namespace brine::wire
