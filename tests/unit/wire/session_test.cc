#include "wire/session.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/unit/wire/samples.h"

namespace brine::wire {
namespace {

template <typename Message>
Message read_golden(const std::string& name) {
  const auto decoded = decode_session_message(golden(name));
  if (!decoded || !std::holds_alternative<Message>(*decoded)) {
    ADD_FAILURE() << name << ": " << (decoded ? "another message" : decoded.error().message);
    return {};
  }
  return std::get<Message>(*decoded);
}

bool decodes(const SessionMessage& message) { return decode_session_message(encode(message)).has_value(); }

auto fields(const store::ReturnRecord& r) {
  return std::tuple(r.jid.str(), r.outcome, r.retcode, r.success, r.payload, r.started, r.duration_us);
}

const char* const kBadJids[] = {"../../../etc/passwd0", "2024022912345612345", "2024022912345612345/", "20240230000000000000"};

TEST(SessionCodec, WelcomeIsReadWhole) {
  const auto all = [](const Welcome& m) {
    return std::tuple(m.verdict, m.retry_after.count(), m.text, m.master_time, m.ticket, m.ticket_life.count(), m.cookie, m.manifest,
                      m.masters, m.heartbeat.count(), m.heartbeat_timeout.count(), m.max_message, m.renew_journal);
  };
  EXPECT_EQ(all(read_golden<Welcome>("session_welcome")), all(sample_welcome()));
}

TEST(SessionCodec, DeliveryIsReadWhole) {
  const auto all = [](const Delivery& m) { return std::tuple(m.job, m.index, m.proof); };
  EXPECT_EQ(all(read_golden<Delivery>("session_delivery")), all(sample_delivery()));
}

TEST(SessionCodec, ReturnAndCallReportAreReadWhole) {
  EXPECT_EQ(fields(read_golden<Return>("session_return").record), fields(sample_return().record));
  const auto call = read_golden<CallReport>("session_call_report");
  const auto expected = sample_call_report();
  EXPECT_EQ(std::tuple(call.function, call.arguments), std::tuple(expected.function, expected.arguments));
  EXPECT_EQ(fields(call.result), fields(expected.result));
}

TEST(SessionCodec, ShortMessagesAreReadWhole) {
  EXPECT_EQ(read_golden<Ack>("session_ack").jids, sample_ack().jids);
  const auto reply = read_golden<CallReply>("session_call_reply");
  EXPECT_EQ(std::tuple(reply.jid, reply.error), std::tuple(sample_call_reply().jid, sample_call_reply().error));
  const auto goodbye = read_golden<Goodbye>("session_goodbye");
  EXPECT_EQ(std::tuple(goodbye.reason, goodbye.retry_after.count(), goodbye.text),
            std::tuple(sample_goodbye().reason, sample_goodbye().retry_after.count(), sample_goodbye().text));
  const auto status = read_golden<Status>("session_status");
  EXPECT_EQ(std::tuple(status.grains, status.running), std::tuple(sample_status().grains, sample_status().running));
  const auto receipt = read_golden<Receipt>("session_receipt");
  EXPECT_EQ(std::tuple(receipt.jid, receipt.state), std::tuple(sample_receipt().jid, sample_receipt().state));
  EXPECT_EQ(read_golden<NewManifest>("session_manifest").manifest, sample_new_manifest().manifest);
  const auto masters = std::get<Masters>(decode_session_message(encode(Masters{{"a:1", "[::1]:2"}, "a:1"})).value());
  EXPECT_EQ(masters.live, (std::vector<std::string>{"a:1", "[::1]:2"}));
  EXPECT_EQ(masters.own, "a:1");
  const auto mark = read_golden<JournalMark>("session_journal");
  EXPECT_EQ(std::tuple(mark.epoch, mark.sequence), std::tuple(sample_journal_mark().epoch, sample_journal_mark().sequence));
  read_golden<Leaving>("session_leaving");
  read_golden<Heartbeat>("session_heartbeat");
}

TEST(SessionCodec, MineMessagesAreReadWhole) {
  const auto change = read_golden<MineChange>("session_mine").change;
  const auto expected = sample_mine_change().change;
  EXPECT_EQ(std::tuple(change.whole, change.removed), std::tuple(expected.whole, expected.removed));
  ASSERT_EQ(change.entries.size(), expected.entries.size());
  for (std::size_t i = 0; i < change.entries.size(); ++i) {
    const auto fields_of = [](const store::MineRecord& entry) { return std::tuple(entry.name, entry.value, entry.allow); };
    EXPECT_EQ(fields_of(change.entries[i]), fields_of(expected.entries[i]));
  }
  const auto get = read_golden<MineGet>("session_mine_get");
  EXPECT_EQ(std::tuple(get.number, get.target_kind, get.target, get.delimiter, get.name),
            std::tuple(7'000'001U, "grain", "role|web", '|', "addr"));
  const auto reply = read_golden<MineReply>("session_mine_reply");
  EXPECT_EQ(std::tuple(reply.number, reply.json, reply.error),
            std::tuple(sample_mine_reply().number, sample_mine_reply().json, sample_mine_reply().error));
}

TEST(SessionCodec, EmptyListsAndTextsRoundTrip) {
  for (const SessionMessage& message :
       {SessionMessage(Welcome{}), SessionMessage(Delivery{}), SessionMessage(Ack{}), SessionMessage(CallReply{}),
        SessionMessage(Goodbye{}), SessionMessage(Status{}), SessionMessage(CallReport{}), SessionMessage(MineChange{}),
        SessionMessage(MineGet{}), SessionMessage(MineReply{})}) {
    const auto again = decode_session_message(encode(message));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->index(), message.index());
  }
}

TEST(SessionCodec, LargePayloadRoundTrips) {
  Return message = sample_return();
  message.record.payload = std::string(4U << 20, 'p');
  const auto again = decode_session_message(encode(message));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(std::get<Return>(*again).record.payload, message.record.payload);
}

TEST(SessionCodec, BadJidsAreRefusedWhereverTheyStand) {
  for (const char* text : kBadJids) {
    const JobId jid = JobId::trusted(text);
    EXPECT_FALSE(decodes(Ack{{sample_ack().jids[0], jid}})) << text;
    EXPECT_FALSE(decodes(CallReply{jid, ""})) << text;
    EXPECT_FALSE(decodes(Status{"{}", {jid}})) << text;
    EXPECT_FALSE(decodes(Receipt{jid, ReceiptState::kQueued})) << text;
    Return message = sample_return();
    message.record.jid = jid;
    EXPECT_FALSE(decodes(message)) << text;
  }
  EXPECT_FALSE(decodes(Receipt{}));
  EXPECT_FALSE(decodes(Return{}));
}

TEST(SessionCodec, InclusionProofHasAtMost32StepsOf32Bytes) {
  Delivery delivery = sample_delivery();
  delivery.proof.assign(32, bytes_from(0, 32));
  EXPECT_TRUE(decodes(delivery));
  delivery.proof.push_back(bytes_from(0, 32));
  EXPECT_FALSE(decodes(delivery));
  for (const std::size_t size : {0U, 31U, 33U}) {
    delivery.proof = {bytes_from(0, 32), bytes_from(0, size)};
    EXPECT_FALSE(decodes(delivery)) << size;
  }
}

TEST(SessionCodec, UnknownEnumeratorsAreRefused) {
  Welcome welcome = sample_welcome();
  welcome.verdict = static_cast<Verdict>(5);
  EXPECT_FALSE(decodes(welcome));
  EXPECT_FALSE(decodes(Goodbye{static_cast<GoodbyeReason>(4), milliseconds(0), ""}));
  EXPECT_FALSE(decodes(Receipt{sample_receipt().jid, static_cast<ReceiptState>(3)}));
  Return message = sample_return();
  message.record.outcome = static_cast<store::Outcome>(5);
  EXPECT_FALSE(decodes(message));
}

}  // namespace
}  // namespace brine::wire
