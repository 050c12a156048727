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

}  // namespace brine::wire
