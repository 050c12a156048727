#include "wire/session_fields.h"

namespace brine::wire {

void fill_return(schema::Return::Builder b, const store::ReturnRecord& r) {
  b.setJid(text_of(r.jid.str()));
  b.setOutcome(static_cast<schema::Outcome>(r.outcome));
  b.setRetcode(r.retcode);
  b.setSuccess(r.success);
  b.setPayload(text_of(r.payload));
  b.setStarted(r.started);
  b.setDurationUs(r.duration_us);
}

Result<store::ReturnRecord> read_return(schema::Return::Reader r, bool with_jid) {
  store::ReturnRecord record;
  if (with_jid) {
    BRINE_LET(record.jid, JobId::parse(string_of(r.getJid())));
  }
  if (static_cast<std::uint16_t>(r.getOutcome()) > 4) return fail(Code::kInvalid, "unknown outcome");
  record.outcome = static_cast<store::Outcome>(r.getOutcome());
  record.retcode = r.getRetcode();
  record.success = r.getSuccess();
  record.payload = string_of(r.getPayload());
  record.started = r.getStarted();
  record.duration_us = r.getDurationUs();
  return record;
}

void fill_jids(capnp::List<capnp::Text>::Builder list, const std::vector<JobId>& jids) {
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, text_of(jids[i].str()));
}

Result<std::vector<JobId>> read_jids(capnp::List<capnp::Text>::Reader list) {
  std::vector<JobId> jids;
  jids.reserve(list.size());
  for (const auto text : list) {
    BRINE_LET(JobId jid, JobId::parse(std::string_view(text.begin(), text.size())));
    jids.push_back(std::move(jid));
  }
  return jids;
}

Result<CallReply> read_call_reply(schema::CallReply::Reader r) {
  CallReply m;
  if (r.getJid().size() != 0) {
    BRINE_LET(m.jid, JobId::parse(string_of(r.getJid())));
  }
  m.error = string_of(r.getError());
  return m;
}

Result<Receipt> read_receipt(schema::Receipt::Reader r) {
  if (static_cast<std::uint16_t>(r.getState()) > 2) return fail(Code::kInvalid, "unknown receipt");
  Receipt m;
  BRINE_LET(m.jid, JobId::parse(string_of(r.getJid())));
  m.state = static_cast<ReceiptState>(r.getState());
  return m;
}

Result<CallReport> read_call(schema::CallReport::Reader r) {
  CallReport m;
  m.function = string_of(r.getFunction());
  m.arguments = string_of(r.getArguments());
  BRINE_LET(m.result, read_return(r.getResult(), false));
  return m;
}

void fill_receipt(schema::Receipt::Builder b, const Receipt& m) {
  b.setJid(text_of(m.jid.str()));
  b.setState(static_cast<schema::ReceiptState>(m.state));
}

void fill_call(schema::CallReport::Builder b, const CallReport& m) {
  b.setFunction(text_of(m.function));
  b.setArguments(text_of(m.arguments));
  fill_return(b.initResult(), m.result);
}

void fill_call_reply(schema::CallReply::Builder b, const CallReply& m) {
  b.setJid(text_of(m.jid.str()));
  b.setError(text_of(m.error));
}

void fill_mine(schema::MineChange::Builder b, const store::MineChange& m) {
  b.setWhole(m.whole);
  auto entries = b.initEntries(static_cast<unsigned>(m.entries.size()));
  for (unsigned i = 0; i < entries.size(); ++i) {
    entries[i].setName(text_of(m.entries[i].name));
    entries[i].setValue(text_of(m.entries[i].value));
    entries[i].setAllow(text_of(m.entries[i].allow));
  }
  auto removed = b.initRemoved(static_cast<unsigned>(m.removed.size()));
  for (unsigned i = 0; i < removed.size(); ++i) removed.set(i, text_of(m.removed[i]));
}

Result<store::MineChange> read_mine(schema::MineChange::Reader r) {
  store::MineChange m;
  m.whole = r.getWhole();
  for (const auto entry : r.getEntries())
    m.entries.push_back({{}, string_of(entry.getName()), string_of(entry.getValue()), string_of(entry.getAllow()), 0});
  for (const auto name : r.getRemoved()) m.removed.push_back(string_of(name));
  return m;
}

std::size_t size_hint_of(const store::MineChange& change) {
  std::size_t size = 128 + 160 * change.removed.size();
  for (const store::MineRecord& entry : change.entries) size += 64 + entry.name.size() + entry.value.size() + entry.allow.size();
  return size;
}

void fill_mine_get(schema::MineGet::Builder b, const MineGet& m) {
  b.setNumber(m.number);
  b.setTargetKind(text_of(m.target_kind));
  b.setTarget(text_of(m.target));
  b.setDelimiter(text_of(std::string(1, m.delimiter)));
  b.setName(text_of(m.name));
}

Result<MineGet> read_mine_get(schema::MineGet::Reader r) {
  if (r.getDelimiter().size() != 1) return fail(Code::kInvalid, "a delimiter is one character");
  return MineGet{r.getNumber(), string_of(r.getTargetKind()), string_of(r.getTarget()), *r.getDelimiter().begin(), string_of(r.getName())};
}

void fill_mine_reply(schema::MineReply::Builder b, const MineReply& m) {
  b.setNumber(m.number);
  b.setJson(text_of(m.json));
  b.setError(text_of(m.error));
}

Result<MineReply> read_mine_reply(schema::MineReply::Reader r) {
  return MineReply{r.getNumber(), string_of(r.getJson()), string_of(r.getError())};
}

}  // namespace brine::wire
