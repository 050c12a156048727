#include "front/relay_port.h"

#include <utility>

#include "base/log.h"
#include "front/on_wire.h"
#include "net/attachment.h"

namespace brine::front {
namespace {

constexpr std::size_t kMaxSlots = 200'000;
constexpr std::size_t kMaxMineAnswer = 8U << 20;
constexpr std::size_t kMaxWaitingBytes = 32U << 20;
constexpr std::size_t kStepBytes = 48;           // of a proof, encoded
constexpr std::size_t kMessageBytes = 4U << 20;  // about

std::size_t bytes_in(const store::ReturnRecord& record) { return sizeof record + record.payload.size(); }

std::size_t bytes_in(const std::vector<MinionId>& ids) {
  std::size_t bytes = 0;
  for (const MinionId& id : ids) bytes += id.str().size() + 1;
  return bytes;
}

std::size_t bytes_in(const wire::RelayedJob& job) {
  std::size_t bytes = job.job.size() + bytes_in(job.expected);
  for (const wire::Recipient& recipient : job.recipients) bytes += kStepBytes * (1 + recipient.proof.size());
  return bytes;
}

std::size_t depth_of(std::size_t leaves) {
  std::size_t depth = 0;
  while ((std::size_t{1} << depth) < leaves) ++depth;
  return depth;
}

}  // namespace

// ---- from the syndic -------------------------------------------------------------------------------------------------------

Status RelayPort::take(const wire::Relayed& relayed) {
  parts_.counters.bytes_in += relayed.data.size();
  parts_.counters.plain_in += relayed.size;
  BRINE_LET(wire::RelayUp message, unpack_up(relayed));
  return take_up(std::move(message));
}

Status RelayPort::take_up(wire::RelayUp&& message) {
  if (!message.attachment.empty()) {
    BRINE_TRY(net::verify_chain(message.attachment, peer_.cluster_root, parts_.own_key()));
    if (message.attachment.front().public_key != peer_.key) return fail(Code::kDenied, "the word of another syndic");
    link_ = std::move(message.attachment.front());
  }
  for (wire::AdmissionAsk& ask : message.admissions) ask_admission(std::move(ask));
  for (wire::Opened& opened : message.opened) BRINE_TRY(open(std::move(opened)));
  for (wire::Past& past : message.past) BRINE_TRY(open_past(std::move(past)));
  for (wire::SlotGrains& value : message.grains) {
    if (value.grains.size() > kMaxGrains) return fail(Code::kInvalid, "grains of more than 256 KiB");
    if (const Slot* slot = open_slot(value.slot)) parts_.upstream.grains_changed(ref(value.slot), slot->id, std::move(value.grains));
  }
  for (wire::SlotMine& value : message.mine) take_mine(std::move(value));
  for (wire::SlotMineGet& value : message.mine_gets) take_mine_get(std::move(value));
  for (const wire::SlotJournal& value : message.journals) {
    if (open_slot(value.slot) != nullptr) parts_.upstream.journal_at(ref(value.slot), {value.mark.epoch, value.mark.sequence});
  }
  for (wire::SlotReceipt& value : message.receipts) {
    if (open_slot(value.slot) != nullptr)
      parts_.upstream.receipt(ref(value.slot), std::move(value.receipt.jid), static_cast<engine::Receipt>(value.receipt.state));
  }
  for (wire::SlotReturn& value : message.returns) BRINE_TRY(take_return(std::move(value)));
  for (wire::SlotCall& call : message.calls) take_call(std::move(call));
  for (const wire::SlotClosed& closed : message.closed) close_slot(closed);
  return {};
}

void RelayPort::ask_admission(wire::AdmissionAsk&& ask) {
  engine::AdmissionRequest request;
  request.id = std::move(ask.id);
  request.public_key = std::move(ask.public_key);
  request.address = std::move(ask.address);
  request.join_token = std::move(ask.join_token);
  request.network = peer_.id.str() + ' ' + ask.network;  // a syndic can only speak ill of those behind it
  request.journal = {ask.journal.epoch, ask.journal.sequence};
  if (ask.syndic) request.kind = store::KeyKind::kSyndic;
  parts_.upstream.admit(std::move(request), [post = parts_.post, number = ask.number](engine::Admission admission) {
    post([number, admission = std::move(admission)](RelayPort& port) {
      port.pending_.admissions.push_back(
          {number, on_wire(admission.verdict), admission.retry_after, admission.text, admission.key_version, admission.renew_journal});
    });
  });
}

Result<RelayPort::Slot*> RelayPort::add_slot(std::uint32_t number, const MinionId& id) {
  if (number == 0) return fail(Code::kInvalid, "slot 0 is the syndic itself");
  if (slots_.size() >= kMaxSlots) return fail(Code::kInvalid, "more slots than a syndic may use");
  const auto [slot, added] = slots_.try_emplace(number);
  if (!added) return fail(Code::kInvalid, "a slot is used twice");
  slot->second.id = id;
  return &slot->second;
}

// Whether those in the chain say that they are behind this syndic, and it may be passed on. If not, the slot has ended.
bool RelayPort::verify(std::uint32_t number, const wire::Chain& chain) {
  brine::Status verdict = net::verify_chain(chain, peer_.cluster_root, peer_.key);
  if (verdict && link_ && chain.size() >= wire::kMaxHops) verdict = fail(Code::kInvalid, "too many syndics, one behind the other");
  if (verdict) return true;
  ++parts_.counters.refused;
  slots_[number].until = 0;
  log::warning("syndic {} reports {}: {}", peer_.id.str(), chain.front().id.str(), verdict.error().message);
  end(number, wire::GoodbyeReason::kKeyChanged, verdict.error().message);
  return false;
}

Status RelayPort::open(wire::Opened&& opened) {
  if (opened.grains.size() > kMaxGrains) return fail(Code::kInvalid, "grains of more than 256 KiB");
  BRINE_LET(Slot * slot, add_slot(opened.slot, opened.chain.front().id));
  if (!verify(opened.slot, opened.chain)) return {};
  slot->open = true;
  std::vector<MinionId> path = path_of(opened.chain);
  wire::Chain chain = upwards(std::move(opened.chain));
  judge(opened.slot, chain);
  parts_.upstream.session_opened({ref(opened.slot), slot->id, opened.instance, std::move(opened.grains), std::move(opened.running),
                                  std::move(opened.address), opened.key_version, std::move(chain), std::move(path)});
  return {};
}

Status RelayPort::open_past(wire::Past&& past) {
  BRINE_TRY(add_slot(past.slot, past.chain.front().id));
  if (verify(past.slot, past.chain)) judge(past.slot, upwards(std::move(past.chain)));
  return {};
}

void RelayPort::judge(std::uint32_t number, wire::Chain chain) {
  parts_.upstream.judge_chain(ref(number), std::move(chain), [post = parts_.post, number](UnixMicros until) {
    post([number, until](RelayPort& port) { port.judged(number, until); });
  });
}

void RelayPort::judged(std::uint32_t number, UnixMicros until) {
  const auto found = slots_.find(number);
  if (found == slots_.end()) return;
  Slot& slot = found->second;
  slot.until = until;
  std::vector<store::ReturnRecord> waiting = std::exchange(slot.waiting, {});
  for (const store::ReturnRecord& record : waiting) waiting_bytes_ -= bytes_in(record);
  if (until != 0) {
    for (store::ReturnRecord& record : waiting) pass_on(number, slot, std::move(record));
  } else {
    parts_.counters.refused += 1 + waiting.size();
    log::warning("syndic {} may not speak for {}", peer_.id.str(), slot.id.str());
    end(number, wire::GoodbyeReason::kKeyChanged, "the key is not accepted, or has changed");
  }
  if (slot.closing) slots_.erase(found);
}

Status RelayPort::take_return(wire::SlotReturn&& value) {
  const auto found = slots_.find(value.slot);
  if (found == slots_.end()) return fail(Code::kInvalid, "a return from a slot that was not opened");
  Slot& slot = found->second;
  if (slot.until) {
    if (*slot.until != 0) pass_on(value.slot, slot, std::move(value.record));
    return {};
  }
  waiting_bytes_ += bytes_in(value.record);
  if (waiting_bytes_ > kMaxWaitingBytes) return fail(Code::kInvalid, "too many returns of minions that are not known yet");
  slot.waiting.push_back(std::move(value.record));
  return {};
}

void RelayPort::pass_on(std::uint32_t number, const Slot& slot, store::ReturnRecord&& record) {
  if (unix_us_of(record.jid) > *slot.until) {
    ++parts_.counters.refused;
    log::warning("syndic {} returns for {}, which had left it before job {}: ignored", peer_.id.str(), slot.id.str(), record.jid.str());
    return acknowledge(number, {record.jid});
  }
  ++parts_.counters.returns;
  record.minion = slot.id;
  record.received = parts_.unix_now();
  parts_.returns.push_back({ref(number), std::move(record)});
}

void RelayPort::take_call(wire::SlotCall&& call) {
  const auto answer = [post = parts_.post, number = call.number](JobId jid, std::string error) {
    post([number, jid = std::move(jid), error = std::move(error)](RelayPort& port) {
      port.pending_.call_replies.push_back({number, {jid, error}});
    });
  };
  const Slot* slot = open_slot(call.slot);
  if (slot == nullptr || !slot->until || *slot->until == 0) return answer(JobId(), "the minion itself is not connected to the syndic");
  parts_.upstream.call(slot->id, {std::move(call.report.function), std::move(call.report.arguments), std::move(call.report.result)},
                       answer);
}

// As what a minion sends by itself: too much of it ends that minion's session.
void RelayPort::take_mine(wire::SlotMine&& value) {
  const auto found = slots_.find(value.slot);
  if (found == slots_.end() || !found->second.open) return;
  const auto bytes = MineAllowance::bytes_of(value.change);
  if (!bytes || !found->second.mine.take(*bytes, parts_.now()))
    return end(value.slot, wire::GoodbyeReason::kProtocol, "more mine entries than a minion may have, or send at once");
  parts_.upstream.mine_changed(ref(value.slot), found->second.id, std::move(value.change));
}

void RelayPort::take_mine_get(wire::SlotMineGet&& value) {
  const auto answer = [post = parts_.post, number = value.get.number](std::string json, std::string error) {
    post([number, json = std::move(json), error = std::move(error)](RelayPort& port) mutable {
      if (json.size() > kMaxMineAnswer)
        port.pending_.mine_replies.push_back({number, "", "the answer is too large: ask for fewer minions"});
      else
        port.pending_.mine_replies.push_back({number, std::move(json), std::move(error)});
    });
  };
  const Slot* slot = open_slot(value.slot);
  if (slot == nullptr || !slot->until || *slot->until == 0) return answer("", "the minion is not known yet; try again");
  parts_.upstream.mine_get(ref(value.slot), slot->id,
                           {std::move(value.get.target_kind), std::move(value.get.target), value.get.delimiter, std::move(value.get.name)},
                           answer);
}

void RelayPort::close_slot(const wire::SlotClosed& closed) {
  const auto found = slots_.find(closed.slot);
  if (found == slots_.end()) return;
  Slot& slot = found->second;
  if (!slot.until) {
    slot.closing = true;
    slot.open = false;
  } else {
    slots_.erase(found);
  }
  parts_.upstream.session_closed(ref(closed.slot), closed.left      ? engine::EndReason::kLeft
                                                   : closed.gateway ? engine::EndReason::kGateway
                                                                    : engine::EndReason::kLost);
}

void RelayPort::close() {
  for (const auto& [number, slot] : slots_) parts_.upstream.session_closed(ref(number), engine::EndReason::kGateway);
  parts_.upstream.gateway_closed(peer_.session);
}

// A relay upstream must show that this syndic is behind it, too.
wire::Chain RelayPort::upwards(wire::Chain chain) const {
  if (link_) chain.push_back(*link_);
  return chain;
}

std::vector<MinionId> RelayPort::path_of(const wire::Chain& chain) const {
  std::vector<MinionId> path{peer_.id};
  for (std::size_t i = chain.size(); i-- > 1;) path.push_back(chain[i].id);
  return path;
}

const RelayPort::Slot* RelayPort::open_slot(std::uint32_t number) const {
  const auto found = slots_.find(number);
  return found == slots_.end() || !found->second.open ? nullptr : &found->second;
}

// ---- to the syndic ---------------------------------------------------------------------------------------------------------

// The ids of all, from which the syndic makes the proofs; or the proofs, where they are less.
void RelayPort::deliver(const PreparedJob& ready, const store::JobRecord& job, const std::vector<engine::Gateway::Recipient>& recipients) {
  wire::RelayedJob relayed;
  relayed.job = ready.signed_job;
  const bool proven = recipients.size() * depth_of(job.expected.size()) * kStepBytes < bytes_in(job.expected);
  for (const engine::Gateway::Recipient& recipient : recipients) {
    relayed.recipients.push_back(
        {recipient.session.slot, recipient.index, proven ? ready.tree.proof(job.expected, recipient.index) : std::vector<std::string>()});
  }
  if (!proven) relayed.expected = job.expected;
  pending_.jobs.push_back(std::move(relayed));
}

void RelayPort::deliver_proven(std::string_view signed_job, const ProvenRecipient& recipient) {
  const bool same = !pending_.jobs.empty() && pending_.jobs.back().expected.empty() && pending_.jobs.back().job == signed_job;
  if (!same) pending_.jobs.push_back({std::string(signed_job), {}, {}});
  pending_.jobs.back().recipients.push_back({recipient.session.slot, recipient.index, recipient.proof});
}

void RelayPort::acknowledge(std::uint32_t slot, std::vector<JobId> jids) { pending_.acks.push_back({slot, std::move(jids)}); }

void RelayPort::end(std::uint32_t slot, wire::GoodbyeReason reason, std::string text) {
  pending_.ends.push_back({slot, reason, std::move(text)});
}

std::optional<wire::Relayed> RelayPort::next(bool compress) {
  if (pending_.empty()) return std::nullopt;
  wire::RelayDown part = std::exchange(pending_, {});
  std::size_t bytes = 0;
  auto job = part.jobs.begin();
  while (job != part.jobs.end() && bytes < kMessageBytes) bytes += bytes_in(*job++);
  pending_.jobs.assign(std::move_iterator(job), std::move_iterator(part.jobs.end()));
  part.jobs.erase(job, part.jobs.end());
  wire::Relayed message = pack(part, compress);
  parts_.counters.bytes_out += message.data.size();
  parts_.counters.plain_out += message.size;
  return message;
}

}  // namespace brine::front
