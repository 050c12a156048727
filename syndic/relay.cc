#include "syndic/relay.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/log.h"
#include "mine/limits.h"
#include "wire/job.h"

namespace brine::syndic {
namespace {

constexpr std::size_t kReturnsWaiting = 65'536;
constexpr std::size_t kOpenedTogether = 64;  // whoever is above verifies a signature for each
constexpr std::size_t kPage = 512;
constexpr std::size_t kPageBytes = 1U << 20;
constexpr milliseconds kBusyRetry{1'000};

engine::Verdict verdict_of(wire::Verdict verdict) {
  switch (verdict) {
    case wire::Verdict::kAccepted: return engine::Verdict::kAccepted;
    case wire::Verdict::kPending: return engine::Verdict::kPending;
    case wire::Verdict::kRejected: return engine::Verdict::kRejected;
    case wire::Verdict::kDenied: return engine::Verdict::kDenied;
    case wire::Verdict::kBusy: break;
  }
  return engine::Verdict::kBusy;
}

engine::GoodbyeReason reason_of(wire::GoodbyeReason reason) {
  switch (reason) {
    case wire::GoodbyeReason::kDisplaced: return engine::GoodbyeReason::kDisplaced;
    case wire::GoodbyeReason::kStopping: return engine::GoodbyeReason::kStopping;
    case wire::GoodbyeReason::kKeyChanged:
    case wire::GoodbyeReason::kProtocol: break;
  }
  return engine::GoodbyeReason::kKeyChanged;
}

engine::Admission busy(std::string text) { return {engine::Verdict::kBusy, kBusyRetry, std::move(text), 0}; }

engine::Admission void_ticket() { return {engine::Verdict::kBusy, milliseconds(0), "the ticket is void: the key has changed since", 0}; }

std::size_t bytes_of(const store::SpooledReturn& value) { return 128 + value.record.payload.size(); }

// What one minion may have in the mine, all changes together.
bool fits(const std::map<std::string, store::MineRecord>& entries) {
  std::size_t bytes = 0;
  for (const auto& [name, entry] : entries) bytes += mine::bytes_of(name, entry.value, entry.allow);
  return entries.size() <= mine::kMaxNames && bytes <= mine::kMaxMinionBytes;
}

// About, of one item in a message.
struct SizeOf {
  std::size_t operator()(const wire::Opened& item) const { return 512 + item.grains.size() + item.running.size() * 32; }
  std::size_t operator()(const wire::Past& item) const { return 64 + item.chain.size() * 256; }
  std::size_t operator()(const wire::SlotGrains& item) const { return 64 + item.grains.size(); }
  std::size_t operator()(const wire::SlotReturn& item) const { return 128 + item.record.payload.size(); }
  std::size_t operator()(const wire::SlotCall& item) const {
    return 256 + item.report.arguments.size() + item.report.result.payload.size();
  }
  std::size_t operator()(const wire::SlotMine& item) const {
    std::size_t size = 64;
    for (const store::MineRecord& entry : item.change.entries) size += 64 + entry.name.size() + entry.value.size() + entry.allow.size();
    return size;
  }
  template <typename Item>
  std::size_t operator()(const Item&) const {
    return 128;
  }
};

struct PutInto {
  wire::RelayUp& message;
  void operator()(wire::AdmissionAsk&& item) { message.admissions.push_back(std::move(item)); }
  void operator()(wire::Opened&& item) { message.opened.push_back(std::move(item)); }
  void operator()(wire::Past&& item) { message.past.push_back(std::move(item)); }
  void operator()(wire::SlotGrains&& item) { message.grains.push_back(std::move(item)); }
  void operator()(wire::SlotJournal&& item) { message.journals.push_back(item); }
  void operator()(wire::SlotReceipt&& item) { message.receipts.push_back(std::move(item)); }
  void operator()(wire::SlotReturn&& item) { message.returns.push_back(std::move(item)); }
  void operator()(wire::SlotCall&& item) { message.calls.push_back(std::move(item)); }
  void operator()(wire::SlotClosed&& item) { message.closed.push_back(item); }
  void operator()(wire::SlotMine&& item) { message.mine.push_back(std::move(item)); }
  void operator()(wire::SlotMineGet&& item) { message.mine_gets.push_back(std::move(item)); }
};

}  // namespace

// ---- who may come in -------------------------------------------------------------------------------------------------------

void Relay::admit(engine::AdmissionRequest request, std::function<void(engine::Admission)> done) {
  auto shared = std::make_shared<std::function<void(engine::Admission)>>(std::move(done));
  if (parts_.loop.try_post([this, request = std::move(request), shared]() mutable { on_admit(std::move(request), *shared); })) return;
  ++parts_.counters.overflowed;
  (*shared)(busy("the syndic is busy"));
}

void Relay::on_admit(engine::AdmissionRequest request, std::function<void(engine::Admission)> done) {
  if (!up_) return done(admit_alone(request));
  const std::uint32_t number = ++last_number_;
  push(wire::AdmissionAsk{number,
                          request.id,
                          request.public_key,
                          request.address,
                          request.kind == store::KeyKind::kSyndic,
                          {request.journal.epoch, request.journal.sequence},
                          request.join_token,
                          request.network});
  asked_[number] = {std::move(request), std::move(done)};
}

// Whose key was good when a master was last asked, while that is not too long ago.
engine::Admission Relay::admit_alone(const engine::AdmissionRequest& request) {
  const auto found = known_.find(request.id);
  const bool fresh = parts_.clock.now() - cut_off_since_ < options_.enrolment_cache;
  if (!fresh || found == known_.end() || found->second.public_key != request.public_key)
    return busy("the syndic has no connection to its master");
  if (request.resumed && request.ticket_key_version != found->second.version) return void_ticket();
  ++parts_.counters.admitted_alone;
  return {engine::Verdict::kAccepted, milliseconds(0), "", found->second.version};
}

void Relay::take_answer(wire::AdmissionAnswer&& answer) {
  const auto found = asked_.find(answer.number);
  if (found == asked_.end()) return;
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  const bool accepted = answer.verdict == wire::Verdict::kAccepted;
  if (accepted) {
    known_[asked.request.id] = {asked.request.public_key, answer.key_version};
  } else if (answer.verdict != wire::Verdict::kBusy) {
    known_.erase(asked.request.id);
  }
  if (accepted && asked.request.resumed && asked.request.ticket_key_version != answer.key_version) return asked.done(void_ticket());
  asked.done({verdict_of(answer.verdict), answer.retry_after, std::move(answer.text), answer.key_version, answer.renew_journal});
}

// ---- who is here -----------------------------------------------------------------------------------------------------------

void Relay::session_opened(engine::SessionOpened opened) {
  const engine::SessionRef session = opened.session;
  if (parts_.loop.try_post([this, opened = std::move(opened)]() mutable { on_session_opened(std::move(opened)); })) return;
  ++parts_.counters.overflowed;
  parts_.gateway.end_session(session, engine::GoodbyeReason::kStopping, "the syndic is busy; come back later");
}

void Relay::on_session_opened(engine::SessionOpened opened) {
  const MinionId id = opened.id;
  if (const auto before = minions_.find(id); before != minions_.end()) {
    const engine::SessionRef displaced = before->second.opened.session;
    parts_.gateway.end_session(displaced, engine::GoodbyeReason::kDisplaced, "the same minion connected again");
    on_session_closed(displaced, engine::EndReason::kLost);
  }
  sources_[opened.session] = {id, opened.chain};
  Behind& minion = minions_[id];
  minion.slot = ++last_slot_;
  minion.mine.reset();
  minion.opened = std::move(opened);
  slots_[minion.slot] = id;
  parts_.counters.minions = static_cast<std::int64_t>(minions_.size());
  if (up_) report(minion);
}

void Relay::report(const Behind& minion) {
  push(wire::Opened{minion.slot, minion.opened.chain, minion.opened.instance, minion.opened.key_version, minion.opened.grains,
                    minion.opened.running, minion.opened.address});
  if (!minion.mine) return;
  store::MineChange all{.whole = true};
  for (const auto& [name, entry] : *minion.mine) all.entries.push_back(entry);
  push(wire::SlotMine{minion.slot, std::move(all)});
}

void Relay::session_closed(engine::SessionRef session, engine::EndReason reason) {
  parts_.loop.post([this, session, reason] { on_session_closed(session, reason); });
}

void Relay::on_session_closed(engine::SessionRef session, engine::EndReason reason) {
  Behind* minion = behind(session);
  sources_.erase(session);
  if (minion == nullptr) return;
  if (up_) push(wire::SlotClosed{minion->slot, reason == engine::EndReason::kLeft, reason == engine::EndReason::kGateway});
  slots_.erase(minion->slot);
  minions_.erase(MinionId(minion->opened.id));
  parts_.counters.minions = static_cast<std::int64_t>(minions_.size());
}

// Null: it is not the present session of a minion.
Relay::Behind* Relay::behind(engine::SessionRef session) {
  const auto source = sources_.find(session);
  if (source == sources_.end()) return nullptr;
  const auto found = minions_.find(source->second.first);
  return found == minions_.end() || found->second.opened.session != session ? nullptr : &found->second;
}

void Relay::gateway_opened(engine::GatewayOpened opened) {
  ++parts_.counters.syndics;
  log::info("syndic {} from {}", opened.id.str(), opened.address);
}

void Relay::gateway_closed(engine::SessionRef) { --parts_.counters.syndics; }

// Masters judge. Here it only has to be known whose returns come by this slot.
void Relay::judge_chain(engine::SessionRef slot, std::vector<store::Attachment> chain, std::function<void(UnixMicros)> done) {
  parts_.loop.post([this, slot, chain = std::move(chain), done = std::move(done)]() mutable {
    const MinionId id = chain.front().id;
    sources_[slot] = {id, std::move(chain)};
    done(std::numeric_limits<UnixMicros>::max());
  });
}

// ---- what they say ---------------------------------------------------------------------------------------------------------

void Relay::receipt(engine::SessionRef session, JobId jid, engine::Receipt receipt) {
  const bool taken = parts_.loop.try_post([this, session, jid = std::move(jid), receipt] {
    if (const Behind* minion = up_ ? behind(session) : nullptr)
      push(wire::SlotReceipt{minion->slot, {jid, static_cast<wire::ReceiptState>(receipt)}});
  });
  if (!taken) ++parts_.counters.overflowed;
}

void Relay::journal_at(engine::SessionRef session, engine::JournalPosition position) {
  const bool taken = parts_.loop.try_post([this, session, position] {
    if (const Behind* minion = up_ ? behind(session) : nullptr) push(wire::SlotJournal{minion->slot, {position.epoch, position.sequence}});
  });
  if (!taken) ++parts_.counters.overflowed;
}

void Relay::grains_changed(engine::SessionRef session, MinionId, std::string grains) {
  const bool taken = parts_.loop.try_post([this, session, grains = std::move(grains)]() mutable {
    Behind* minion = behind(session);
    if (minion == nullptr) return;
    minion->opened.grains = std::move(grains);
    if (up_) push(wire::SlotGrains{minion->slot, minion->opened.grains});
  });
  if (taken) return;
  ++parts_.counters.overflowed;
  parts_.gateway.end_session(session, engine::GoodbyeReason::kStopping, "the syndic is busy; come back later");
}

void Relay::call(MinionId id, front::CallReport report, std::function<void(JobId jid, std::string error)> done) {
  parts_.loop.post([this, id = std::move(id), report = std::move(report), done = std::move(done)]() mutable {
    on_call(id, std::move(report), std::move(done));
  });
}

void Relay::on_call(const MinionId& id, front::CallReport report, std::function<void(JobId, std::string)> done) {
  if (!up_) return done(JobId(), "the syndic has no connection to its master");
  const auto found = minions_.find(id);
  if (found == minions_.end()) return done(JobId(), "through a syndic, brine-call needs brine-minion to be connected to the same one");
  const std::uint32_t number = ++last_number_;
  calls_[number] = std::move(done);
  push(wire::SlotCall{found->second.slot, number, {std::move(report.function), std::move(report.arguments), std::move(report.result)}});
}

// ---- the mine --------------------------------------------------------------------------------------------------------------

void Relay::mine_changed(engine::SessionRef session, MinionId, store::MineChange change) {
  if (parts_.loop.try_post([this, session, change = std::move(change)]() mutable { on_mine_changed(session, std::move(change)); })) return;
  ++parts_.counters.overflowed;
  parts_.gateway.end_session(session, engine::GoodbyeReason::kStopping, "the syndic is busy; come back later");
}

// Kept, for the next session upwards.
void Relay::on_mine_changed(engine::SessionRef session, store::MineChange change) {
  Behind* minion = behind(session);
  if (minion == nullptr) return;
  if (change.whole || !minion->mine) minion->mine.emplace();
  for (const std::string& name : change.removed) minion->mine->erase(name);
  for (const store::MineRecord& entry : change.entries) minion->mine->insert_or_assign(entry.name, entry);
  if (!fits(*minion->mine)) {
    minion->mine.reset();
    return parts_.gateway.end_session(session, engine::GoodbyeReason::kStopping, "more mine entries than a minion may have");
  }
  if (up_) push(wire::SlotMine{minion->slot, std::move(change)});
}

void Relay::mine_get(engine::SessionRef session, MinionId, engine::MineQuery query,
                     std::function<void(std::string json, std::string error)> done) {
  auto shared = std::make_shared<std::function<void(std::string, std::string)>>(std::move(done));
  if (!parts_.loop.try_post(
          [this, session, query = std::move(query), shared]() mutable { on_mine_get(session, std::move(query), *shared); }))
    (*shared)("", "the syndic is busy; try again");
}

void Relay::on_mine_get(engine::SessionRef session, engine::MineQuery query, std::function<void(std::string, std::string)> done) {
  const Behind* minion = behind(session);
  if (!up_ || minion == nullptr) return done("", "the syndic has no connection to its master");
  const std::uint32_t number = ++last_number_;
  mine_gets_[number] = std::move(done);
  push(wire::SlotMineGet{minion->slot,
                         {number, std::move(query.target_kind), std::move(query.target), query.delimiter, std::move(query.name)}});
}

// ---- returns ---------------------------------------------------------------------------------------------------------------

bool Relay::returns(std::vector<engine::PendingReturn>&& returns) {
  if (returns_waiting_ + parts_.writer.waiting() >= kReturnsWaiting) return false;
  returns_waiting_ += returns.size();
  parts_.loop.post([this, returns = std::move(returns)]() mutable { on_returns(std::move(returns)); });
  returns.clear();
  return true;
}

void Relay::on_returns(std::vector<engine::PendingReturn> returns) {
  const std::size_t count = returns.size();
  std::vector<ArrivedReturn> arrived;
  arrived.reserve(count);
  for (engine::PendingReturn& value : returns) {
    const auto source = sources_.find(value.session);
    if (source == sources_.end()) continue;
    arrived.push_back({value.session, {0, wire::encode_chain(source->second.second), std::move(value.record)}});
  }
  // What finds no room is not acknowledged: it comes again in the next session of its minion.
  if (parts_.writer.has_room(arrived.size())) {
    if (!arrived.empty()) parts_.writer.add(std::move(arrived));
  } else {
    ++parts_.counters.overflowed;
    for (const ArrivedReturn& value : arrived)
      parts_.gateway.end_session(value.session, engine::GoodbyeReason::kStopping, "the syndic is busy; come back later");
  }
  returns_waiting_ -= count;
}

void Relay::stored(std::vector<store::SpooledReturn> returns) {
  if (!up_ || !caught_up_) return;  // they are read from the spool when their turn comes
  for (const store::SpooledReturn& value : returns) {
    if (value.position <= sent_up_to_) continue;  // it was there before
    if (!window_open()) {
      caught_up_ = false;
      return;
    }
    send_return(value);
  }
}

void Relay::refill() {
  while (up_ && !caught_up_ && window_open()) {
    auto page = parts_.spool.after(sent_up_to_, kPage, kPageBytes);
    if (!page) return log::error("{}", page.error().message);
    caught_up_ = page->empty();
    for (const store::SpooledReturn& value : *page) send_return(value);
  }
}

void Relay::send_return(const store::SpooledReturn& value) {
  sent_up_to_ = std::max(sent_up_to_, value.position);
  const auto slot = slot_for(value);
  if (!slot) return;
  const auto [entry, fresh] = in_flight_.try_emplace({*slot, value.record.jid}, InFlight{value.position, bytes_of(value)});
  if (!fresh) return;
  if (const auto past = past_by_slot_.find(*slot); past != past_by_slot_.end()) ++past->second->second.in_flight;
  in_flight_bytes_ += entry->second.bytes;
  parts_.counters.returns_sent.fetch_add(1, std::memory_order_relaxed);
  push(wire::SlotReturn{*slot, value.record});
}

// That of the minion's session, if it is the one in which the return came; else one that shows by whose word it is ours.
std::optional<std::uint32_t> Relay::slot_for(const store::SpooledReturn& value) {
  auto chain = wire::decode_chain(value.chain);
  if (!chain) {
    log::error("a return of {} in the spool cannot be sent: {}", value.record.minion.str(), chain.error().message);
    return std::nullopt;
  }
  const auto found = minions_.find(value.record.minion);
  if (found != minions_.end() && found->second.opened.chain == *chain) return found->second.slot;
  const auto [past, fresh] = past_.try_emplace(value.chain);
  if (fresh) {
    past->second.slot = ++last_slot_;
    past_by_slot_[past->second.slot] = past;
    push(wire::Past{past->second.slot, std::move(*chain)});
  }
  return past->second.slot;
}

// No longer under way.
void Relay::settle(std::uint32_t slot, const JobId& jid, bool acknowledged, std::vector<std::uint64_t>& erased) {
  const auto found = in_flight_.find({slot, jid});
  if (found == in_flight_.end()) return;
  in_flight_bytes_ -= found->second.bytes;
  if (acknowledged) {
    erased.push_back(found->second.position);
    parts_.counters.returns_acknowledged.fetch_add(1, std::memory_order_relaxed);
  }
  in_flight_.erase(found);
  const auto past = past_by_slot_.find(slot);
  if (past == past_by_slot_.end() || --past->second->second.in_flight > 0) return;
  push(wire::SlotClosed{slot, false, false});
  past_.erase(past->second);
  past_by_slot_.erase(past);
}

// ---- upwards ---------------------------------------------------------------------------------------------------------------

void Relay::push(Item item) { queue_.push_back(std::move(item)); }

void Relay::opened(std::optional<store::Attachment> own) {
  up_ = true;
  parts_.counters.connected = true;
  own_ = std::move(own);
  for (const auto& [id, minion] : minions_) report(minion);
  sent_up_to_ = 0;
  caught_up_ = false;
}

void Relay::closed() {
  if (!std::exchange(up_, false)) return;
  parts_.counters.connected = false;
  cut_off_since_ = parts_.clock.now();
  own_.reset();
  queue_.clear();
  in_flight_.clear();
  in_flight_bytes_ = 0;
  past_.clear();
  past_by_slot_.clear();
  for (const auto& [number, asked] : std::exchange(asked_, {})) asked.done(busy("the syndic has lost its master"));
  for (const auto& [number, done] : std::exchange(mine_gets_, {})) done("", "the syndic has lost its master; try again");
  for (const auto& [number, done] : std::exchange(calls_, {})) done(JobId(), "the syndic has lost its master: it may be recorded or not");
}

std::optional<wire::RelayUp> Relay::next() {
  refill();
  if (!up_ || (queue_.empty() && !own_)) return std::nullopt;
  wire::RelayUp message;
  if (own_) message.attachment.push_back(*std::exchange(own_, std::nullopt));
  for (std::size_t bytes = 0; !queue_.empty() && bytes < options_.message_bytes && message.opened.size() < kOpenedTogether;) {
    bytes += std::visit(SizeOf{}, queue_.front());
    std::visit(PutInto{message}, std::move(queue_.front()));
    queue_.pop_front();
  }
  return message;
}

// ---- from above ------------------------------------------------------------------------------------------------------------

Status Relay::take(const wire::Relayed& relayed) {
  parts_.counters.bytes_down += relayed.data.size();
  parts_.counters.plain_down += relayed.size;
  BRINE_LET(wire::RelayDown message, unpack_down(relayed));
  for (wire::AdmissionAnswer& answer : message.admissions) take_answer(std::move(answer));
  for (wire::RelayedJob& job : message.jobs) BRINE_TRY(take_job(std::move(job)));
  std::vector<std::uint64_t> erased;
  for (const wire::SlotAck& ack : message.acks) {
    for (const JobId& jid : ack.jids) settle(ack.slot, jid, true, erased);
  }
  if (!erased.empty()) parts_.writer.erase(std::move(erased));
  for (wire::SlotEnd& end : message.ends) take_end(std::move(end));
  for (wire::MineReply& reply : message.mine_replies) {
    const auto found = mine_gets_.find(reply.number);
    if (found == mine_gets_.end()) continue;
    found->second(std::move(reply.json), std::move(reply.error));
    mine_gets_.erase(found);
  }
  for (wire::NumberedReply& reply : message.call_replies) {
    const auto found = calls_.find(reply.number);
    if (found == calls_.end()) continue;
    found->second(std::move(reply.reply.jid), std::move(reply.reply.error));
    calls_.erase(found);
  }
  return {};
}

Status Relay::take_job(wire::RelayedJob&& relayed) {
  if (relayed.expected.empty()) {
    std::vector<front::ProvenRecipient> recipients;
    for (wire::Recipient& recipient : relayed.recipients) {
      if (const auto id = slots_.find(recipient.slot); id != slots_.end())
        recipients.push_back({minions_.at(id->second).opened.session, recipient.index, std::move(recipient.proof)});
    }
    parts_.gateway.deliver_proven(std::make_shared<const std::string>(std::move(relayed.job)), std::move(recipients));
    return {};
  }
  BRINE_LET(wire::SignedJob signed_job, wire::decode_signed_job(relayed.job));
  BRINE_LET(wire::Job job, wire::decode_job(signed_job.job));
  auto record = std::make_shared<store::JobRecord>();
  record->jid = std::move(job.jid);
  record->expected = std::move(relayed.expected);
  record->signed_job = std::move(signed_job.job);
  record->signature = std::move(signed_job.signature);
  std::vector<engine::Gateway::Recipient> recipients;
  for (const wire::Recipient& recipient : relayed.recipients) {
    if (const auto id = slots_.find(recipient.slot); id != slots_.end())
      recipients.push_back({minions_.at(id->second).opened.session, recipient.index});
  }
  parts_.gateway.deliver(std::move(record), std::move(recipients));
  return {};
}

// Of a minion that is here: its session ends. Of returns that are not ours to give: they stay in the spool, for another session upwards.
void Relay::take_end(wire::SlotEnd&& end) {
  if (const auto id = slots_.find(end.slot); id != slots_.end()) {
    const Behind& minion = minions_.at(id->second);
    log::info("{}: {}", minion.opened.id.str(), end.text);
    if (end.reason == wire::GoodbyeReason::kKeyChanged) known_.erase(minion.opened.id);
    parts_.gateway.end_session(minion.opened.session, reason_of(end.reason), std::move(end.text));
  }
  drop_past(end.slot);
}

void Relay::drop_past(std::uint32_t slot) {
  std::vector<std::uint64_t> none;
  std::vector<JobId> jids;
  for (auto it = in_flight_.lower_bound({slot, JobId()}); it != in_flight_.end() && it->first.first == slot; ++it)
    jids.push_back(it->first.second);
  for (const JobId& jid : jids) settle(slot, jid, false, none);
}

}  // namespace brine::syndic
