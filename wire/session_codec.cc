#include "wire/session_fields.h"

namespace brine::wire {
namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

using Builder = schema::SessionMessage::Builder;
using Reader = schema::SessionMessage::Reader;

std::uint32_t ms(milliseconds duration) { return static_cast<std::uint32_t>(duration.count()); }

void fill(schema::Welcome::Builder b, const Welcome& m) {
  b.setVerdict(static_cast<schema::Verdict>(m.verdict));
  b.setRetryAfterMs(ms(m.retry_after));
  b.setText(text_of(m.text));
  b.setMasterTime(m.master_time);
  b.setTicket(data_of(m.ticket));
  b.setTicketLifeMs(ms(m.ticket_life));
  b.setCookie(data_of(m.cookie));
  b.setManifest(data_of(m.manifest));
  auto masters = b.initMasters(static_cast<unsigned>(m.masters.size()));
  for (unsigned i = 0; i < masters.size(); ++i) masters.set(i, text_of(m.masters[i]));
  b.setHeartbeatMs(ms(m.heartbeat));
  b.setHeartbeatTimeoutMs(ms(m.heartbeat_timeout));
  b.setMaxMessage(m.max_message);
  b.setRenewJournal(m.renew_journal);
}

Result<SessionMessage> read(schema::Welcome::Reader r) {
  if (static_cast<std::uint16_t>(r.getVerdict()) > 4) return fail(Code::kInvalid, "unknown verdict");
  Welcome m;
  m.verdict = static_cast<Verdict>(r.getVerdict());
  m.retry_after = milliseconds(r.getRetryAfterMs());
  m.text = string_of(r.getText());
  m.master_time = r.getMasterTime();
  m.ticket = string_of(r.getTicket());
  m.ticket_life = milliseconds(r.getTicketLifeMs());
  m.cookie = string_of(r.getCookie());
  m.manifest = string_of(r.getManifest());
  for (const auto master : r.getMasters()) m.masters.push_back(string_of(master));
  m.heartbeat = milliseconds(r.getHeartbeatMs());
  m.heartbeat_timeout = milliseconds(r.getHeartbeatTimeoutMs());
  m.max_message = r.getMaxMessage();
  m.renew_journal = r.getRenewJournal();
  return m;
}

Result<SessionMessage> read(schema::Delivery::Reader r) {
  Delivery m;
  m.job = string_of(r.getJob());
  m.index = r.getIndex();
  if (r.getProof().size() > 32) return fail(Code::kInvalid, "an inclusion proof has at most 32 steps");
  for (const auto step : r.getProof()) {
    BRINE_LET(std::string hash, fixed(step, 32, "a step of the inclusion proof"));
    m.proof.push_back(std::move(hash));
  }
  return m;
}

void fill(schema::Delivery::Builder b, const Delivery& m) {
  b.setJob(data_of(m.job));
  b.setIndex(m.index);
  auto proof = b.initProof(static_cast<unsigned>(m.proof.size()));
  for (unsigned i = 0; i < proof.size(); ++i) proof.set(i, data_of(m.proof[i]));
}

Result<SessionMessage> read(schema::Goodbye::Reader r) {
  if (static_cast<std::uint16_t>(r.getReason()) > 3) return fail(Code::kInvalid, "unknown reason");
  return Goodbye{static_cast<GoodbyeReason>(r.getReason()), milliseconds(r.getRetryAfterMs()), string_of(r.getText())};
}

Result<SessionMessage> read(schema::Status::Reader r) {
  Status m;
  m.grains = string_of(r.getGrains());
  BRINE_LET(m.running, read_jids(r.getRunning()));
  return m;
}

std::size_t size_hint(const SessionMessage& message) {
  return std::visit(
      Overloaded{
          [](const Welcome& m) { return 512 + m.manifest.size() + m.ticket.size() + m.cookie.size() + m.masters.size() * 64; },
          [](const Delivery& m) { return 64 + m.job.size() + m.proof.size() * 40; },
          [](const Ack& m) { return 64 + m.jids.size() * 32; },
          [](const Status& m) { return 64 + m.grains.size() + m.running.size() * 32; },
          [](const Return& m) { return 128 + m.record.payload.size(); },
          [](const Relayed& m) { return 64 + m.data.size(); },
          [](const NewManifest& m) { return 64 + m.manifest.size(); },
          [](const Masters& m) { return 128 + m.live.size() * 64; },
          [](const CallReport& m) { return 192 + m.arguments.size() + m.result.payload.size(); },
          [](const MineChange& m) { return size_hint_of(m.change); },
          [](const MineReply& m) { return 64 + m.json.size(); },
          [](const auto&) { return std::size_t{256}; },
      },
      message);
}

Result<SessionMessage> read_message(Reader r) {
  switch (r.which()) {
    case schema::SessionMessage::WELCOME: return read(r.getWelcome());
    case schema::SessionMessage::DELIVERY: return read(r.getDelivery());
    case schema::SessionMessage::ACK: {
      BRINE_LET(std::vector<JobId> jids, read_jids(r.getAck().getJids()));
      return Ack{std::move(jids)};
    }
    case schema::SessionMessage::CALL_REPLY: return read_call_reply(r.getCallReply());
    case schema::SessionMessage::GOODBYE: return read(r.getGoodbye());
    case schema::SessionMessage::STATUS: return read(r.getStatus());
    case schema::SessionMessage::RECEIPT: return read_receipt(r.getReceipt());
    case schema::SessionMessage::RETURN: {
      BRINE_LET(store::ReturnRecord record, read_return(r.getReturn(), true));
      return Return{std::move(record)};
    }
    case schema::SessionMessage::CALL: return read_call(r.getCall());
    case schema::SessionMessage::LEAVING: return Leaving{};
    case schema::SessionMessage::HEARTBEAT: return Heartbeat{};
    case schema::SessionMessage::MASTERS: {
      Masters m;
      for (const auto master : r.getMasters().getLive()) m.live.push_back(string_of(master));
      m.own = string_of(r.getMasters().getOwn());
      return m;
    }
    case schema::SessionMessage::MANIFEST: return NewManifest{string_of(r.getManifest())};
    case schema::SessionMessage::BEHIND: {
      BRINE_LET(std::string signature, fixed(r.getBehind().getSignature(), 64, "an attachment's signature"));
      return Behind{r.getBehind().getIssued(), std::move(signature)};
    }
    case schema::SessionMessage::RELAY: {
      const auto relay = r.getRelay();
      if (static_cast<std::uint16_t>(relay.getCompression()) > 1) return fail(Code::kInvalid, "unknown compression");
      return Relayed{relay.getCompression() == schema::Compression::ZSTD, relay.getSize(), string_of(relay.getData())};
    }
    case schema::SessionMessage::MINE: {
      BRINE_LET(store::MineChange change, read_mine(r.getMine()));
      return MineChange{std::move(change)};
    }
    case schema::SessionMessage::MINE_GET: return read_mine_get(r.getMineGet());
    case schema::SessionMessage::MINE_REPLY: return read_mine_reply(r.getMineReply());
    case schema::SessionMessage::JOURNAL: return JournalMark{r.getJournal().getEpoch(), r.getJournal().getSequence()};
  }
  return fail(Code::kInvalid, "unknown message");
}

}  // namespace

std::string encode(const SessionMessage& message) {
  return encode_root<schema::SessionMessage>(size_hint(message), [&](Builder b) {
    std::visit(Overloaded{
                   [&](const Welcome& m) { fill(b.initWelcome(), m); },
                   [&](const Delivery& m) { fill(b.initDelivery(), m); },
                   [&](const Ack& m) { fill_jids(b.initAck().initJids(static_cast<unsigned>(m.jids.size())), m.jids); },
                   [&](const CallReply& m) { fill_call_reply(b.initCallReply(), m); },
                   [&](const Goodbye& m) {
                     auto goodbye = b.initGoodbye();
                     goodbye.setReason(static_cast<schema::GoodbyeReason>(m.reason));
                     goodbye.setRetryAfterMs(ms(m.retry_after));
                     goodbye.setText(text_of(m.text));
                   },
                   [&](const Status& m) {
                     auto status = b.initStatus();
                     status.setGrains(text_of(m.grains));
                     fill_jids(status.initRunning(static_cast<unsigned>(m.running.size())), m.running);
                   },
                   [&](const Receipt& m) { fill_receipt(b.initReceipt(), m); },
                   [&](const Return& m) { fill_return(b.initReturn(), m.record); },
                   [&](const CallReport& m) { fill_call(b.initCall(), m); },
                   [&](const Leaving&) { b.setLeaving(); },
                   [&](const Heartbeat&) { b.setHeartbeat(); },
                   [&](const NewManifest& m) { b.setManifest(data_of(m.manifest)); },
                   [&](const Masters& m) {
                     auto masters = b.initMasters();
                     auto live = masters.initLive(static_cast<unsigned>(m.live.size()));
                     for (unsigned i = 0; i < live.size(); ++i) live.set(i, text_of(m.live[i]));
                     masters.setOwn(text_of(m.own));
                   },
                   [&](const Behind& m) {
                     auto behind = b.initBehind();
                     behind.setIssued(m.issued);
                     behind.setSignature(data_of(m.signature));
                   },
                   [&](const Relayed& m) {
                     auto relay = b.initRelay();
                     relay.setCompression(m.compressed ? schema::Compression::ZSTD : schema::Compression::NONE);
                     relay.setSize(m.size);
                     relay.setData(data_of(m.data));
                   },
                   [&](const JournalMark& m) {
                     auto mark = b.initJournal();
                     mark.setEpoch(m.epoch);
                     mark.setSequence(m.sequence);
                   },
                   [&](const MineChange& m) { fill_mine(b.initMine(), m.change); },
                   [&](const MineGet& m) { fill_mine_get(b.initMineGet(), m); },
                   [&](const MineReply& m) { fill_mine_reply(b.initMineReply(), m); },
               },
               message);
  });
}

Result<SessionMessage> decode_session_message(std::string_view bytes) {
  return decode_root<schema::SessionMessage>(bytes, [](Reader r) { return read_message(r); });
}

}  // namespace brine::wire
