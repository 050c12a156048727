#include "tests/unit/wire/samples.h"

#include "base/file.h"
#include "wire/frame.h"

namespace brine::wire {
namespace {

JobId jid(int last_digit) { return JobId::trusted("2024022912345612345" + std::to_string(last_digit)); }

store::ReturnRecord sample_record() {
  store::ReturnRecord record;
  record.jid = jid(6);
  record.outcome = store::Outcome::kInterrupted;
  record.retcode = -11;
  record.success = true;
  record.payload = R"({"pid": 7, "text": "gr\u00fcn"})";
  record.started = 1'709'210'096'123'456;
  record.duration_us = 0x0102030405060708;
  return record;
}

template <typename Message, typename Decode>
Sample sample(std::string name, const Message& message, Decode decode) {
  return {std::move(name), encode(message), [decode](std::string_view bytes) -> Result<std::string> {
            BRINE_LET(const auto decoded, decode(bytes));
            return encode(decoded);
          }};
}

Sample session_sample(std::string name, const SessionMessage& message) { return sample(std::move(name), message, decode_session_message); }

// As it is before compression.
template <typename Message, typename Unpack>
Sample relay_sample(std::string name, const Message& message, Unpack unpack) {
  return {std::move(name), pack(message, false).data, [unpack](std::string_view bytes) -> Result<std::string> {
            BRINE_LET(const Message decoded, unpack(Relayed{false, static_cast<std::uint32_t>(bytes.size()), std::string(bytes)}));
            return pack(decoded, false).data;
          }};
}

store::Attachment sample_attachment(const std::string& id, int first) {
  return {MinionId::trusted(id), bytes_from(first, 32), 1'709'210'096'000'000 + first, bytes_from(first + 1, 64)};
}

Sample request_sample(std::string name, const OperatorRequest& request) {
  return {std::move(name), encode_request(request), [](std::string_view bytes) -> Result<std::string> {
            BRINE_LET(const Frame frame, parse_frame(bytes));
            BRINE_LET(const OperatorRequest decoded, decode_request(frame.body));
            return encode_request(decoded);
          }};
}

Sample reply_sample(std::string name, const OperatorReply& reply) {
  return {std::move(name), encode_reply(reply), [](std::string_view bytes) -> Result<std::string> {
            BRINE_LET(const Frame frame, parse_frame(bytes));
            BRINE_LET(const OperatorReply decoded, decode_reply(frame.body));
            return encode_reply(decoded);
          }};
}

}  // namespace

std::string bytes_from(int first, std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(static_cast<std::size_t>(first) + i));
  return bytes;
}

ClientHello sample_client_hello() { return {bytes_from(0, 77), bytes_from(100, 32)}; }

ClientHelloBody sample_client_hello_body() {
  return {{1, 7, 0xfffe}, {1, 0x0102}, bytes_from(1, 32), bytes_from(2, 32), bytes_from(3, 32), bytes_from(4, 90), bytes_from(5, 40)};
}

ServerHello sample_server_hello() { return {bytes_from(6, 61), bytes_from(7, 200)}; }
ServerHelloBody sample_server_hello_body() { return {1, 0x0203, bytes_from(8, 32), bytes_from(9, 32), true}; }
ServerProof sample_server_proof() { return {bytes_from(10, 32), bytes_from(11, 64), bytes_from(12, 32), bytes_from(13, 99)}; }
ClientFinish sample_client_finish() { return {bytes_from(14, 150)}; }

ClientProof sample_client_proof() {
  ClientProof m;
  m.id = MinionId::trusted("web1.example.org");
  m.public_key = bytes_from(15, 32);
  m.signature = bytes_from(16, 64);
  m.mac = bytes_from(17, 32);
  m.purpose = Purpose::kCall;
  m.instance = 0x1112131415161718;
  m.journal_epoch = 0x2122232425262728;
  m.journal_sequence = 0x3132333435363738;
  m.manifest_epoch = 0x4142434445464748;
  return m;
}

ClientProof sample_client_proof_2() {
  ClientProof m = sample_client_proof();
  m.join_token = "0123456789abcdef.00112233445566778899aabbccddeeff";
  return m;
}

Refusal sample_refusal() { return {RefusalCode::kOtherCluster, milliseconds(12'345), "not here"}; }

Manifest sample_manifest() {
  Manifest m;
  m.root = bytes_from(18, 32);
  m.epoch = 5;
  m.issued = 1'700'000'000'000'001;
  m.not_after = 1'800'000'000'000'002;
  m.members = {{bytes_from(19, 32), bytes_from(20, 32), Role::kMaster, "alpha", 3, 1'790'000'000'000'003},
               {bytes_from(21, 32), bytes_from(22, 32), Role::kSyndic, "beta", 4, -1}};
  m.revoked = {1, 2, UINT64_MAX};
  return m;
}

SignedManifest sample_signed_manifest() { return {bytes_from(23, 123), bytes_from(24, 64)}; }

Job sample_job() {
  Job job;
  job.cluster_root = bytes_from(25, 32);
  job.jid = jid(1);
  job.manifest_epoch = 9;
  job.signer = bytes_from(26, 32);
  job.function = "cmd.run";
  job.arguments = R"({"args": ["uptime"], "kwargs": {}})";
  job.target_kind = "compound";
  job.target = "G@os:Debian and web*";
  job.delimiter = '/';
  job.expected_root = bytes_from(27, 32);
  job.expected_count = 10'000;
  job.issued = 1'709'210'096'000'000;
  job.not_after = 1'709'210'106'000'000;
  job.timeout = milliseconds(5'000);
  return job;
}

SignedJob sample_signed_job() { return {bytes_from(28, 321), bytes_from(29, 64)}; }

Welcome sample_welcome() {
  Welcome m;
  m.verdict = Verdict::kPending;
  m.retry_after = milliseconds(30'000);
  m.text = "waits for an operator";
  m.master_time = 1'709'210'096'123'456;
  m.ticket = bytes_from(30, 150);
  m.ticket_life = milliseconds(3'600'000);
  m.cookie = bytes_from(31, 52);
  m.manifest = bytes_from(32, 77);
  m.masters = {"192.0.2.1:4506", "[2001:db8::1]:4506"};
  m.heartbeat = milliseconds(5'000);
  m.heartbeat_timeout = milliseconds(15'000);
  m.max_message = 16U << 20;
  m.renew_journal = true;
  return m;
}

Delivery sample_delivery() { return {bytes_from(33, 400), 4'711, {bytes_from(34, 32), bytes_from(35, 32), bytes_from(36, 32)}}; }
Ack sample_ack() { return {{jid(1), jid(2), jid(3)}}; }
CallReply sample_call_reply() { return {jid(4), "no such function"}; }
Goodbye sample_goodbye() { return {GoodbyeReason::kStopping, milliseconds(250), "the master stops"}; }
Status sample_status() { return {R"({"os": "Debian"})", {jid(7), jid(8)}}; }
NewManifest sample_new_manifest() { return {bytes_from(37, 260)}; }
JournalMark sample_journal_mark() { return {0x5152535455565758, 0x0102030405060708}; }
MineReply sample_mine_reply() { return {0x01020304, R"({"web1": "192.0.2.7:80"})", "the master is busy; try again"}; }

MineChange sample_mine_change() {
  MineChange m;
  m.change.whole = true;
  m.change.entries = {{{}, "addr", R"("192.0.2.7:80")", "", 0}, {{}, "disks", R"(["sda", "sdb"])", "grain role:monitoring", 0}};
  m.change.removed = {"uptime", "load"};
  return m;
}

MineGet sample_mine_get() { return {7'000'001, "grain", "role|web", '|', "addr"}; }

Receipt sample_receipt() { return {jid(5), ReceiptState::kDone}; }
Return sample_return() { return {sample_record()}; }

CallReport sample_call_report() {
  CallReport m{"test.ping", R"({"args": [], "kwargs": {}})", sample_record()};
  m.result.jid = JobId();
  return m;
}

Behind sample_behind() { return {1'709'210'096'123'456, bytes_from(3, 64)}; }
Relayed sample_relayed() { return {true, 70'000, bytes_from(9, 50)}; }

RelayUp sample_relay_up() {
  RelayUp m;
  m.attachment = {sample_attachment("eu-1", 1)};
  m.admissions = {{7, MinionId::trusted("web-1"), bytes_from(2, 32), "192.0.2.1:4711", true, {5, 6}}};
  m.opened = {{8,
               {sample_attachment("web-1", 3), sample_attachment("eu-1-b", 4)},
               0x1122334455667788,
               9,
               R"({"os": "Debian"})",
               {jid(1), jid(2)},
               "192.0.2.1:4711"}};
  m.past = {{10, {sample_attachment("web-2", 5)}}};
  m.grains = {{8, R"({"os": "Ubuntu"})"}};
  m.journals = {{8, {11, 12}}};
  m.receipts = {{8, {jid(3), ReceiptState::kRunning}}};
  m.returns = {{10, sample_record()}};
  m.calls = {{8, 13, sample_call_report()}};
  m.closed = {{8, true, false}, {10, false, true}};
  m.admissions[0].join_token = "0123456789abcdef.00112233445566778899aabbccddeeff";
  m.admissions[0].network = "10.0.0.0/24";
  m.mine = {{8, {true, {{{}, "addr", R"("10.0.0.1")", "glob proxy*", 0}}, {"old"}}}};
  m.mine_gets = {{8, {15, "glob", "web*", ':', "addr"}}};
  return m;
}

RelayDown sample_relay_down() {
  RelayDown m;
  m.admissions = {{7, Verdict::kPending, milliseconds(1'500), "wait", 9, true}};
  m.jobs = {{bytes_from(6, 40), {MinionId::trusted("db-1"), MinionId::trusted("web-1")}, {{8, 1, {}}}},
            {bytes_from(7, 24), {}, {{8, 3, {bytes_from(8, 32), bytes_from(9, 32)}}, {14, 4, {bytes_from(10, 32)}}}}};
  m.acks = {{8, {jid(1), jid(2)}}, {14, {jid(3)}}};
  m.ends = {{8, GoodbyeReason::kDisplaced, "moved"}};
  m.call_replies = {{13, sample_call_reply()}};
  m.mine_replies = {{15, R"({"web-1": "10.0.0.1"})", ""}, {16, "", "busy"}};
  return m;
}

Submit sample_submit() {
  Submit m;
  for (std::size_t i = 0; i < m.submission.bytes.size(); ++i) m.submission.bytes[i] = static_cast<std::uint8_t>(200 + i);
  m.target_kind = "glob";
  m.target = "web*";
  m.delimiter = '|';
  m.function = "test.ping";
  m.arguments = R"({"args": [1], "kwargs": {"a": 2}})";
  m.timeout = milliseconds(7'000);
  m.expires = milliseconds(7'200'000);
  m.subset = 12;
  m.detach = true;
  return m;
}

Run sample_run() { return {"jobs.lookup_jid", R"({"args": ["20240229123456123451"], "kwargs": {}})"}; }
Accepted sample_accepted() { return {jid(9), 42, true}; }
MinionReturn sample_minion_return() { return {MinionId::trusted("db-2"), "returned", 127, true, "\"out\""}; }

Finished sample_finished() {
  return {{{MinionId::trusted("a"), "not_connected", "never seen"}, {MinionId::trusted("b.example"), "running", "since 3 s"}}};
}

RunResult sample_run_result() { return {R"({"up": ["a"], "down": []})"}; }
Failure sample_failure() { return {Code::kDenied, "you may not"}; }

Sample grown(Sample sample) {
  sample.grown = true;
  return sample;
}

std::vector<Sample> all_samples() {
  return {
      sample("client_hello", sample_client_hello(), decode_client_hello),
      sample("client_hello_body", sample_client_hello_body(), decode_client_hello_body),
      sample("server_hello", sample_server_hello(), decode_server_hello),
      sample("server_hello_body", sample_server_hello_body(), decode_server_hello_body),
      sample("server_proof", sample_server_proof(), decode_server_proof),
      sample("client_finish", sample_client_finish(), decode_client_finish),
      grown(sample("client_proof", sample_client_proof(), decode_client_proof)),
      sample("client_proof.2", sample_client_proof_2(), decode_client_proof),
      sample("refusal", sample_refusal(), decode_refusal),
      sample("manifest", sample_manifest(), decode_manifest),
      sample("signed_manifest", sample_signed_manifest(), decode_signed_manifest),
      sample("job", sample_job(), decode_job),
      sample("signed_job", sample_signed_job(), decode_signed_job),
      session_sample("session_welcome", sample_welcome()),
      session_sample("session_delivery", sample_delivery()),
      session_sample("session_ack", sample_ack()),
      session_sample("session_call_reply", sample_call_reply()),
      session_sample("session_goodbye", sample_goodbye()),
      session_sample("session_status", sample_status()),
      session_sample("session_receipt", sample_receipt()),
      session_sample("session_return", sample_return()),
      session_sample("session_call_report", sample_call_report()),
      session_sample("session_leaving", Leaving{}),
      session_sample("session_manifest", sample_new_manifest()),
      session_sample("session_journal", sample_journal_mark()),
      session_sample("session_mine", sample_mine_change()),
      session_sample("session_mine_get", sample_mine_get()),
      session_sample("session_mine_reply", sample_mine_reply()),
      session_sample("session_heartbeat", Heartbeat{}),
      session_sample("session_behind", sample_behind()),
      session_sample("session_relay", sample_relayed()),
      relay_sample("relay_up", sample_relay_up(), unpack_up),
      relay_sample("relay_down", sample_relay_down(), unpack_down),
      request_sample("request_submit", sample_submit()),
      request_sample("request_run", sample_run()),
      reply_sample("reply_accepted", sample_accepted()),
      reply_sample("reply_minion_return", sample_minion_return()),
      reply_sample("reply_finished", sample_finished()),
      reply_sample("reply_run_result", sample_run_result()),
      reply_sample("reply_failure", sample_failure()),
  };
}

std::string golden(const std::string& name) {
  auto bytes = read_file(std::string(BRINE_GOLDEN_FOLDER) + "/" + name + ".bin");
  return bytes ? std::move(*bytes) : std::string();
}

}  // namespace brine::wire
