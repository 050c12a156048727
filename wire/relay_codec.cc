#include <zstd.h>

#include "relay.capnp.h"
#include "wire/relay.h"
#include "wire/session_fields.h"

namespace brine::wire {
namespace {

constexpr std::size_t kSmallestCompressed = 256;
constexpr int kLevel = 1;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kSignatureBytes = 64;
constexpr std::size_t kMaxProof = 32;
constexpr std::size_t kMaxTokenText = 128;
constexpr std::size_t kMaxItems = 200'000;  // of one list: each takes more memory than bytes of the message

template <typename Value>
unsigned count(const std::vector<Value>& list) {
  return static_cast<unsigned>(list.size());
}

// fill(builder, value) for each.
template <typename List, typename Value, typename Fill>
void fill_list(List list, const std::vector<Value>& values, Fill fill) {
  for (unsigned i = 0; i < list.size(); ++i) fill(list[i], values[i]);
}

// read(reader) gives a Result<Value>.
template <typename Value, typename List, typename Read>
brine::Status read_list(List list, std::vector<Value>& values, Read read) {
  if (list.size() > kMaxItems) return fail(Code::kInvalid, "a list with too many items");
  values.reserve(list.size());
  for (const auto item : list) {
    BRINE_LET(Value value, read(item));
    values.push_back(std::move(value));
  }
  return {};
}

Result<std::uint32_t> slot_in(std::uint32_t slot) {
  if (slot == 0) return fail(Code::kInvalid, "there is no slot 0");
  return slot;
}

Result<std::uint32_t> number_in(std::uint32_t number) {
  if (number == 0) return fail(Code::kInvalid, "there is no number 0");
  return number;
}

// ---- chains ----------------------------------------------------------------------------------------------------------------

void fill_attachment(schema::Attachment::Builder b, const store::Attachment& m) {
  b.setId(text_of(m.id.str()));
  b.setPublicKey(data_of(m.public_key));
  b.setIssued(m.issued);
  b.setSignature(data_of(m.signature));
}

Result<store::Attachment> read_attachment(schema::Attachment::Reader r) {
  store::Attachment m;
  BRINE_LET(m.id, MinionId::parse(string_of(r.getId())));
  BRINE_LET(m.public_key, fixed(r.getPublicKey(), kKeyBytes, "a key"));
  m.issued = r.getIssued();
  BRINE_LET(m.signature, fixed(r.getSignature(), kSignatureBytes, "an attachment's signature"));
  return m;
}

Result<Chain> read_chain(capnp::List<schema::Attachment>::Reader list) {
  if (list.size() == 0 || list.size() > kMaxHops) return fail(Code::kInvalid, "a chain has 1 to 8 links");
  Chain chain;
  BRINE_TRY(read_list(list, chain, read_attachment));
  return chain;
}

// ---- upwards ---------------------------------------------------------------------------------------------------------------

void fill_mark(schema::JournalMark::Builder b, const JournalMark& m) {
  b.setEpoch(m.epoch);
  b.setSequence(m.sequence);
}

JournalMark read_mark(schema::JournalMark::Reader r) { return {r.getEpoch(), r.getSequence()}; }

void fill_ask(schema::AdmissionAsk::Builder b, const AdmissionAsk& m) {
  b.setNumber(m.number);
  b.setId(text_of(m.id.str()));
  b.setPublicKey(data_of(m.public_key));
  b.setAddress(text_of(m.address));
  b.setSyndic(m.syndic);
  fill_mark(b.initJournal(), m.journal);
  if (!m.join_token.empty()) b.setJoinToken(text_of(m.join_token));
  if (!m.network.empty()) b.setNetwork(data_of(m.network));
}

Result<AdmissionAsk> read_ask(schema::AdmissionAsk::Reader r) {
  AdmissionAsk m;
  BRINE_LET(m.number, number_in(r.getNumber()));
  BRINE_LET(m.id, MinionId::parse(string_of(r.getId())));
  BRINE_LET(m.public_key, fixed(r.getPublicKey(), kKeyBytes, "a key"));
  m.address = string_of(r.getAddress());
  m.syndic = r.getSyndic();
  if (r.getJoinToken().size() > kMaxTokenText || r.getNetwork().size() > kMaxTokenText)
    return fail(Code::kInvalid, "a join token is too long");
  m.join_token = string_of(r.getJoinToken());
  m.network = string_of(r.getNetwork());
  m.journal = read_mark(r.getJournal());
  return m;
}

void fill_opened(schema::Opened::Builder b, const Opened& m) {
  b.setSlot(m.slot);
  fill_list(b.initChain(count(m.chain)), m.chain, fill_attachment);
  b.setInstance(m.instance);
  b.setKeyVersion(m.key_version);
  b.setGrains(text_of(m.grains));
  fill_jids(b.initRunning(count(m.running)), m.running);
  b.setAddress(text_of(m.address));
}

Result<Opened> read_opened(schema::Opened::Reader r) {
  Opened m;
  BRINE_LET(m.slot, slot_in(r.getSlot()));
  BRINE_LET(m.chain, read_chain(r.getChain()));
  m.instance = r.getInstance();
  m.key_version = r.getKeyVersion();
  m.grains = string_of(r.getGrains());
  BRINE_LET(m.running, read_jids(r.getRunning()));
  m.address = string_of(r.getAddress());
  return m;
}

Result<Past> read_past(schema::Past::Reader r) {
  Past m;
  BRINE_LET(m.slot, slot_in(r.getSlot()));
  BRINE_LET(m.chain, read_chain(r.getChain()));
  return m;
}

Result<SlotReceipt> read_slot_receipt(schema::SlotReceipt::Reader r) {
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  BRINE_LET(Receipt receipt, read_receipt(r.getReceipt()));
  return SlotReceipt{slot, std::move(receipt)};
}

Result<SlotReturn> read_slot_return(schema::SlotReturn::Reader r) {
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  BRINE_LET(store::ReturnRecord record, read_return(r.getReturn(), true));
  return SlotReturn{slot, std::move(record)};
}

Result<SlotCall> read_slot_call(schema::SlotCall::Reader r) {
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  BRINE_LET(const std::uint32_t number, number_in(r.getNumber()));
  BRINE_LET(CallReport report, read_call(r.getReport()));
  if (report.function.empty()) return fail(Code::kInvalid, "a call without a function");
  return SlotCall{slot, number, std::move(report)};
}

Result<SlotGrains> read_slot_grains(schema::SlotGrains::Reader r) {
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  return SlotGrains{slot, string_of(r.getGrains())};
}

Result<SlotJournal> read_slot_journal(schema::SlotJournal::Reader r) {
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  if (!r.hasMark()) return fail(Code::kInvalid, "a journal without a mark");
  return SlotJournal{slot, read_mark(r.getMark())};
}

Result<SlotMine> read_slot_mine(schema::SlotMine::Reader r) {
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  if (!r.hasChange()) return fail(Code::kInvalid, "a change of the mine without content");
  BRINE_LET(store::MineChange change, read_mine(r.getChange()));
  return SlotMine{slot, std::move(change)};
}

Result<SlotMineGet> read_slot_mine_get(schema::SlotMineGet::Reader r) {
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  BRINE_LET(MineGet get, read_mine_get(r.getGet()));
  BRINE_LET(get.number, number_in(get.number));
  return SlotMineGet{slot, std::move(get)};
}

Result<SlotClosed> read_closed(schema::SlotClosed::Reader r) {
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  return SlotClosed{slot, r.getLeft(), r.getGateway()};
}

void fill_up(schema::RelayUp::Builder b, const RelayUp& m) {
  if (!m.attachment.empty()) fill_attachment(b.initAttachment(), m.attachment.front());
  fill_list(b.initAdmissions(count(m.admissions)), m.admissions, fill_ask);
  fill_list(b.initOpened(count(m.opened)), m.opened, fill_opened);
  fill_list(b.initPast(count(m.past)), m.past, [](schema::Past::Builder past, const Past& value) {
    past.setSlot(value.slot);
    fill_list(past.initChain(count(value.chain)), value.chain, fill_attachment);
  });
  fill_list(b.initGrains(count(m.grains)), m.grains, [](schema::SlotGrains::Builder grains, const SlotGrains& value) {
    grains.setSlot(value.slot);
    grains.setGrains(text_of(value.grains));
  });
  fill_list(b.initJournals(count(m.journals)), m.journals, [](schema::SlotJournal::Builder journal, const SlotJournal& value) {
    journal.setSlot(value.slot);
    fill_mark(journal.initMark(), value.mark);
  });
  fill_list(b.initReceipts(count(m.receipts)), m.receipts, [](schema::SlotReceipt::Builder receipt, const SlotReceipt& value) {
    receipt.setSlot(value.slot);
    fill_receipt(receipt.initReceipt(), value.receipt);
  });
  fill_list(b.initReturns(count(m.returns)), m.returns, [](schema::SlotReturn::Builder slot_return, const SlotReturn& value) {
    slot_return.setSlot(value.slot);
    fill_return(slot_return.initReturn(), value.record);
  });
  fill_list(b.initCalls(count(m.calls)), m.calls, [](schema::SlotCall::Builder call, const SlotCall& value) {
    call.setSlot(value.slot);
    call.setNumber(value.number);
    fill_call(call.initReport(), value.report);
  });
  fill_list(b.initClosed(count(m.closed)), m.closed, [](schema::SlotClosed::Builder closed, const SlotClosed& value) {
    closed.setSlot(value.slot);
    closed.setLeft(value.left);
    closed.setGateway(value.gateway);
  });
  fill_list(b.initMine(count(m.mine)), m.mine, [](schema::SlotMine::Builder mine, const SlotMine& value) {
    mine.setSlot(value.slot);
    fill_mine(mine.initChange(), value.change);
  });
  fill_list(b.initMineGets(count(m.mine_gets)), m.mine_gets, [](schema::SlotMineGet::Builder get, const SlotMineGet& value) {
    get.setSlot(value.slot);
    fill_mine_get(get.initGet(), value.get);
  });
}

Result<RelayUp> read_up(schema::RelayUp::Reader r) {
  RelayUp m;
  if (r.hasAttachment()) {
    BRINE_LET(store::Attachment own, read_attachment(r.getAttachment()));
    m.attachment.push_back(std::move(own));
  }
  BRINE_TRY(read_list(r.getAdmissions(), m.admissions, read_ask));
  BRINE_TRY(read_list(r.getOpened(), m.opened, read_opened));
  BRINE_TRY(read_list(r.getPast(), m.past, read_past));
  BRINE_TRY(read_list(r.getReceipts(), m.receipts, read_slot_receipt));
  BRINE_TRY(read_list(r.getReturns(), m.returns, read_slot_return));
  BRINE_TRY(read_list(r.getCalls(), m.calls, read_slot_call));
  BRINE_TRY(read_list(r.getGrains(), m.grains, read_slot_grains));
  BRINE_TRY(read_list(r.getJournals(), m.journals, read_slot_journal));
  BRINE_TRY(read_list(r.getClosed(), m.closed, read_closed));
  BRINE_TRY(read_list(r.getMine(), m.mine, read_slot_mine));
  BRINE_TRY(read_list(r.getMineGets(), m.mine_gets, read_slot_mine_get));
  return m;
}

std::size_t bytes_in(const Chain& chain) { return chain.size() * 256; }

std::size_t size_hint(const RelayUp& m) {
  std::size_t size = 256 + m.admissions.size() * 256 + m.journals.size() * 40 + m.receipts.size() * 64 + m.closed.size() * 8;
  for (const Opened& value : m.opened) size += 128 + bytes_in(value.chain) + value.grains.size() + value.running.size() * 32;
  for (const Past& value : m.past) size += 32 + bytes_in(value.chain);
  for (const SlotGrains& value : m.grains) size += 32 + value.grains.size();
  for (const SlotReturn& value : m.returns) size += 128 + value.record.payload.size();
  for (const SlotMine& value : m.mine) size += 32 + size_hint_of(value.change);
  size += m.mine_gets.size() * 256;
  for (const SlotCall& value : m.calls) size += 256 + value.report.arguments.size() + value.report.result.payload.size();
  return size;
}

// ---- downwards -------------------------------------------------------------------------------------------------------------

std::string lines_of(const std::vector<MinionId>& ids) {
  std::string lines;
  for (const MinionId& id : ids) lines += id.str() + '\n';
  return lines;
}

Result<std::vector<MinionId>> ids_in(std::string_view lines) {
  std::vector<MinionId> ids;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (end == std::string_view::npos) return fail(Code::kInvalid, "the expected ids are cut off");
    BRINE_LET(MinionId id, MinionId::parse(lines.substr(0, end)));
    ids.push_back(std::move(id));
    lines.remove_prefix(end + 1);
  }
  return ids;
}

Result<Recipient> read_recipient(schema::Recipient::Reader r) {
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  Recipient m{slot, r.getIndex(), {}};
  if (r.getProof().size() > kMaxProof) return fail(Code::kInvalid, "an inclusion proof has at most 32 steps");
  BRINE_TRY(read_list(r.getProof(), m.proof, [](capnp::Data::Reader step) { return fixed(step, 32, "a step of the inclusion proof"); }));
  return m;
}

void fill_recipient(schema::Recipient::Builder b, const Recipient& m) {
  b.setSlot(m.slot);
  b.setIndex(m.index);
  if (m.proof.empty()) return;
  auto proof = b.initProof(count(m.proof));
  for (unsigned i = 0; i < proof.size(); ++i) proof.set(i, data_of(m.proof[i]));
}

Result<RelayedJob> read_job(schema::RelayedJob::Reader r) {
  RelayedJob m;
  m.job = string_of(r.getJob());
  if (m.job.empty()) return fail(Code::kInvalid, "a recipient without a job");
  BRINE_LET(m.expected, ids_in({r.getExpected().begin(), r.getExpected().size()}));
  BRINE_TRY(read_list(r.getRecipients(), m.recipients, read_recipient));
  for (const Recipient& recipient : m.recipients) {
    if (!m.expected.empty() && recipient.index >= m.expected.size()) return fail(Code::kInvalid, "a recipient beyond the expected ids");
  }
  return m;
}

Result<AdmissionAnswer> read_answer(schema::AdmissionAnswer::Reader r) {
  if (static_cast<std::uint16_t>(r.getVerdict()) > 4) return fail(Code::kInvalid, "unknown verdict");
  BRINE_LET(const std::uint32_t number, number_in(r.getNumber()));
  return AdmissionAnswer{number,
                         static_cast<Verdict>(r.getVerdict()),
                         milliseconds(r.getRetryAfterMs()),
                         string_of(r.getText()),
                         r.getKeyVersion(),
                         r.getRenewJournal()};
}

Result<SlotAck> read_ack(schema::SlotAck::Reader r) {
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  BRINE_LET(std::vector<JobId> jids, read_jids(r.getJids()));
  if (jids.empty()) return fail(Code::kInvalid, "an acknowledgement of nothing");
  return SlotAck{slot, std::move(jids)};
}

Result<SlotEnd> read_end(schema::SlotEnd::Reader r) {
  if (static_cast<std::uint16_t>(r.getReason()) > 3) return fail(Code::kInvalid, "unknown reason");
  BRINE_LET(const std::uint32_t slot, slot_in(r.getSlot()));
  return SlotEnd{slot, static_cast<GoodbyeReason>(r.getReason()), string_of(r.getText())};
}

Result<NumberedReply> read_reply(schema::NumberedReply::Reader r) {
  BRINE_LET(const std::uint32_t number, number_in(r.getNumber()));
  if (!r.hasReply()) return fail(Code::kInvalid, "no reply");
  BRINE_LET(CallReply reply, read_call_reply(r.getReply()));
  return NumberedReply{number, std::move(reply)};
}

Result<MineReply> read_numbered_mine_reply(schema::MineReply::Reader r) {
  BRINE_LET(MineReply reply, read_mine_reply(r));
  BRINE_LET(reply.number, number_in(reply.number));
  return reply;
}

void fill_down(schema::RelayDown::Builder b, const RelayDown& m) {
  fill_list(b.initAdmissions(count(m.admissions)), m.admissions, [](schema::AdmissionAnswer::Builder answer, const AdmissionAnswer& value) {
    answer.setNumber(value.number);
    answer.setVerdict(static_cast<schema::Verdict>(value.verdict));
    answer.setRetryAfterMs(static_cast<std::uint32_t>(value.retry_after.count()));
    answer.setText(text_of(value.text));
    answer.setKeyVersion(value.key_version);
    answer.setRenewJournal(value.renew_journal);
  });
  fill_list(b.initJobs(count(m.jobs)), m.jobs, [](schema::RelayedJob::Builder job, const RelayedJob& value) {
    job.setJob(data_of(value.job));
    job.setExpected(text_of(lines_of(value.expected)));
    fill_list(job.initRecipients(count(value.recipients)), value.recipients, fill_recipient);
  });
  fill_list(b.initAcks(count(m.acks)), m.acks, [](schema::SlotAck::Builder ack, const SlotAck& value) {
    ack.setSlot(value.slot);
    fill_jids(ack.initJids(count(value.jids)), value.jids);
  });
  fill_list(b.initEnds(count(m.ends)), m.ends, [](schema::SlotEnd::Builder end, const SlotEnd& value) {
    end.setSlot(value.slot);
    end.setReason(static_cast<schema::GoodbyeReason>(value.reason));
    end.setText(text_of(value.text));
  });
  fill_list(b.initCallReplies(count(m.call_replies)), m.call_replies, [](schema::NumberedReply::Builder reply, const NumberedReply& value) {
    reply.setNumber(value.number);
    fill_call_reply(reply.initReply(), value.reply);
  });
  fill_list(b.initMineReplies(count(m.mine_replies)), m.mine_replies, fill_mine_reply);
}

Result<RelayDown> read_down(schema::RelayDown::Reader r) {
  RelayDown m;
  BRINE_TRY(read_list(r.getAdmissions(), m.admissions, read_answer));
  BRINE_TRY(read_list(r.getJobs(), m.jobs, read_job));
  BRINE_TRY(read_list(r.getAcks(), m.acks, read_ack));
  BRINE_TRY(read_list(r.getEnds(), m.ends, read_end));
  BRINE_TRY(read_list(r.getCallReplies(), m.call_replies, read_reply));
  BRINE_TRY(read_list(r.getMineReplies(), m.mine_replies, read_numbered_mine_reply));
  return m;
}

std::size_t size_hint(const RelayDown& m) {
  std::size_t size = 256 + m.admissions.size() * 96 + m.ends.size() * 128 + m.call_replies.size() * 128;
  for (const RelayedJob& value : m.jobs) {
    size += 128 + value.job.size() + value.expected.size() * 24;
    for (const Recipient& recipient : value.recipients) size += 24 + recipient.proof.size() * 48;
  }
  for (const MineReply& value : m.mine_replies) size += 64 + value.json.size() + value.error.size();
  for (const SlotAck& value : m.acks) size += 24 + value.jids.size() * 32;
  return size;
}

// ---- packing ---------------------------------------------------------------------------------------------------------------

Relayed packed(std::string plain, bool compress) {
  const auto size = static_cast<std::uint32_t>(plain.size());
  if (!compress || plain.size() < kSmallestCompressed) return {false, size, std::move(plain)};
  std::string small(ZSTD_compressBound(plain.size()), '\0');
  const std::size_t written = ZSTD_compress(small.data(), small.size(), plain.data(), plain.size(), kLevel);
  if (ZSTD_isError(written) != 0 || written > plain.size() - plain.size() / 8) return {false, size, std::move(plain)};
  small.resize(written);
  return {true, size, std::move(small)};
}

Result<std::string> plain_of(const Relayed& relayed) {
  if (relayed.size > kMaxRelayBytes) return fail(Code::kInvalid, "a relayed message of more than 16 MiB");
  if (!relayed.compressed) return relayed.data;
  std::string plain(relayed.size, '\0');
  const std::size_t written = ZSTD_decompress(plain.data(), plain.size(), relayed.data.data(), relayed.data.size());
  if (ZSTD_isError(written) != 0 || written != plain.size()) return fail(Code::kInvalid, "a relayed message cannot be decompressed");
  return plain;
}

}  // namespace

bool RelayUp::empty() const {
  return attachment.empty() && admissions.empty() && opened.empty() && past.empty() && grains.empty() && journals.empty() &&
         receipts.empty() && returns.empty() && calls.empty() && closed.empty() && mine.empty() && mine_gets.empty();
}

bool RelayDown::empty() const {
  return admissions.empty() && jobs.empty() && acks.empty() && ends.empty() && call_replies.empty() && mine_replies.empty();
}

Relayed pack(const RelayUp& message, bool compress) {
  return packed(encode_root<schema::RelayUp>(size_hint(message), [&](schema::RelayUp::Builder b) { fill_up(b, message); }), compress);
}

Relayed pack(const RelayDown& message, bool compress) {
  return packed(encode_root<schema::RelayDown>(size_hint(message), [&](schema::RelayDown::Builder b) { fill_down(b, message); }), compress);
}

Result<RelayUp> unpack_up(const Relayed& relayed) {
  BRINE_LET(const std::string plain, plain_of(relayed));
  return decode_root<schema::RelayUp>(plain, read_up);
}

Result<RelayDown> unpack_down(const Relayed& relayed) {
  BRINE_LET(const std::string plain, plain_of(relayed));
  return decode_root<schema::RelayDown>(plain, read_down);
}

std::string encode_chain(const Chain& chain) {
  return encode_root<schema::Chain>(bytes_in(chain),
                                    [&](schema::Chain::Builder b) { fill_list(b.initLinks(count(chain)), chain, fill_attachment); });
}

Result<Chain> decode_chain(std::string_view bytes) {
  return decode_root<schema::Chain>(bytes, [](schema::Chain::Reader r) { return read_chain(r.getLinks()); });
}

}  // namespace brine::wire
