#include "front/minion_front.h"

#include <map>
#include <utility>

#include "base/crash_point.h"
#include "base/log.h"
#include "front/on_wire.h"
#include "wire/frame.h"

namespace brine::front {
namespace {

constexpr std::size_t kMineReplyOverhead = 1'024;
constexpr milliseconds kMalformedRetry{5'000};
constexpr std::size_t kAcksTogether = 64;   // of one minion
constexpr std::size_t kAckedPerTurn = 256;  // minions

wire::RefusalCode refusal_for(HandshakeFailure why) {
  switch (why) {
    case HandshakeFailure::kVersion: return wire::RefusalCode::kVersion;
    case HandshakeFailure::kOtherCluster: return wire::RefusalCode::kOtherCluster;
    case HandshakeFailure::kMalformed:
    case HandshakeFailure::kUnproven: break;
  }
  return wire::RefusalCode::kMalformed;
}

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

MinionFront::MinionFront(net::FaceLoop& loop, std::shared_ptr<FrontContext> context)
    : loop_(loop), context_(std::move(context)), door_(context_->admission) {}

MinionFront::Session* MinionFront::find(net::ConnectionId id) {
  const auto found = sessions_.find(id.value);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void MinionFront::on_open(net::ConnectionId id, const net::Peer& peer) {
  auto session = std::make_unique<Session>();
  session->peer = peer;
  sessions_[id.value] = std::move(session);
}

void MinionFront::on_close(net::ConnectionId id) {
  const auto found = sessions_.find(id.value);
  if (found == sessions_.end()) return;
  const bool was_open = found->second->stage == Stage::kOpen;
  const bool left = found->second->left;
  const std::unique_ptr<RelayPort> relay = std::move(found->second->relay);
  sessions_.erase(found);
  if (relay) {
    std::erase(relays_, id);
    hand_over_returns();
    return relay->close();
  }
  // What came before the end counts as before it.
  if (was_open) {
    hand_over_returns();
    context_->upstream->session_closed(ref(id), left ? engine::EndReason::kLeft : engine::EndReason::kLost);
  }
}

// What one read brings is the most that is held beyond held_returns.
bool MinionFront::takes(net::ConnectionId id) {
  if (returns_.size() >= context_->held_returns) hand_over_returns();
  if (returns_.size() < context_->held_returns) return true;
  paused_.push_back(id);
  return false;
}

void MinionFront::on_message(net::ConnectionId id, std::string_view message) {
  Session* session = find(id);
  if (session == nullptr) return;
  const auto frame = wire::parse_frame(message);
  if (!frame) {
    if (session->cipher) return broken(id, *session, frame.error().message);
    return fail_handshake(id, HandshakeFailure::kVersion, "this master speaks brine wire version 1");
  }
  switch (frame->type) {
    case wire::FrameType::kClientHello:
      if (session->stage == Stage::kHello) return on_hello(id, *session, frame->body);
      break;
    case wire::FrameType::kProbe:
      if (session->stage != Stage::kHello) break;
      loop_.send(id, wire::make_frame(wire::FrameType::kProbeAnswer, context_->serves.load() ? "1" : "0"));
      return loop_.close(id);
    case wire::FrameType::kClientFinish:
      if (session->stage != Stage::kFinish) break;
      session->stage = Stage::kFinishQueued;
      session->finish = frame->body;
      finishes_.push_back(id);
      return;
    case wire::FrameType::kSealed:
      if (session->stage == Stage::kStatus || session->stage == Stage::kOpen || session->stage == Stage::kCall ||
          session->stage == Stage::kRelay)
        return on_sealed(id, *session, frame->body);
      break;
    default: break;
  }
  broken(id, *session, "a frame that does not fit here");
}

// ---- handshake -------------------------------------------------------------------------------------------------------------

void MinionFront::on_hello(net::ConnectionId id, Session& session, std::string_view body) {
  session.handshake = std::make_unique<net::ServerHandshake>(context_->identity.load(), *context_->tickets);
  const auto lane = session.handshake->begin(body, context_->clock->unix_now());
  if (!lane) {
    const auto why = lane.error().code == Code::kUnsupported ? HandshakeFailure::kVersion
                     : lane.error().code == Code::kDenied    ? HandshakeFailure::kOtherCluster
                                                             : HandshakeFailure::kMalformed;
    return fail_handshake(id, why, lane.error().message);
  }
  if (!door_.enqueue(*lane, id, session.peer.network, context_->clock->now())) {
    count(context_->counters.handshakes_busy);
    return refuse(id, wire::RefusalCode::kBusy, door_.retry_after(), "the master is busy with handshakes");
  }
  session.stage = Stage::kQueued;
}

// So much asymmetric cryptography, then another look at the open sessions.
void MinionFront::serve_handshakes() {
  for (std::size_t served = 0; served < door_.per_turn() && serve_next_handshake(); ++served) {
  }
  count_waiting();
}

void MinionFront::count_waiting() {
  using Lane = Admission::Lane;
  const std::array<std::size_t, 4> waiting{door_.waiting(Lane::kTicket), door_.waiting(Lane::kKnown), door_.waiting(Lane::kUnknown),
                                           finishes_.size()};
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    const auto now = static_cast<std::int64_t>(waiting[i]);
    const std::int64_t before = std::exchange(counted_waiting_[i], now);
    if (now != before) context_->counters.handshakes_waiting[i].fetch_add(now - before, std::memory_order_relaxed);
  }
}

// False: nobody waits.
bool MinionFront::serve_next_handshake() {
  net::ConnectionId id;
  while (!finishes_.empty()) {
    id = finishes_.front();
    finishes_.pop_front();
    Session* session = find(id);
    if (session == nullptr || session->stage != Stage::kFinishQueued) continue;
    finish(id, *session);
    return true;
  }
  while (door_.next(id)) {
    Session* session = find(id);
    if (session == nullptr || session->stage != Stage::kQueued) continue;
    reply(id, *session);
    return true;
  }
  return false;
}

void MinionFront::reply(net::ConnectionId id, Session& session) {
  auto frame = session.handshake->reply();
  if (!frame) return fail_handshake(id, HandshakeFailure::kMalformed, frame.error().message);
  session.stage = Stage::kFinish;
  loop_.send(id, *frame);
}

void MinionFront::finish(net::ConnectionId id, Session& session) {
  auto peer = session.handshake->finish(std::exchange(session.finish, {}));
  session.handshake.reset();
  if (!peer) {
    log::info("handshake from {} failed: {}", session.peer.address, peer.error().message);
    return fail_handshake(id, HandshakeFailure::kUnproven, peer.error().message);
  }
  count(peer->resumed ? context_->counters.handshakes_resumed : context_->counters.handshakes_full);
  session.stage = Stage::kAdmitting;
  session.id = peer->proof.id;
  session.instance = peer->proof.instance;
  session.cipher.emplace(peer->keys, net::Side::kMaster);
  engine::AdmissionRequest request{peer->proof.id,       peer->proof.public_key,
                                   peer->resumed,        peer->ticket_key_version,
                                   session.peer.address, {peer->proof.journal_epoch, peer->proof.journal_sequence}};
  if (peer->proof.purpose == wire::Purpose::kSyndic) request.kind = store::KeyKind::kSyndic;
  request.network = session.peer.network;
  request.join_token = std::exchange(peer->proof.join_token, {});
  session.proven = std::move(*peer);
  context_->upstream->admit(std::move(request), [this, id](const engine::Admission& admission) {
    loop_.post([this, id, admission] { on_admission(id, admission); });
  });
}

wire::Welcome MinionFront::welcome(const Session& session, const engine::Admission& admission) {
  const auto identity = context_->identity.load();
  wire::Welcome message;
  message.verdict = on_wire(admission.verdict);
  message.retry_after = admission.retry_after;
  message.text = admission.text;
  message.master_time = context_->clock->unix_now();
  message.heartbeat = context_->heartbeat;
  message.heartbeat_timeout = context_->heartbeat_timeout;
  message.max_message = static_cast<std::uint32_t>(context_->max_message);
  message.renew_journal = admission.renew_journal;
  const net::ServerHandshake::Peer& peer = *session.proven;
  if (peer.proof.manifest_epoch < identity->manifest_epoch) message.manifest = identity->manifest;
  if (admission.verdict != engine::Verdict::kAccepted || peer.proof.purpose == wire::Purpose::kCall) return message;
  net::TicketContent ticket{session.id,          net::sha256(peer.proof.public_key), admission.key_version,      identity->manifest_epoch,
                            message.master_time, context_->tickets->life(),          peer.keys.resumption_secret};
  message.ticket = context_->tickets->seal(ticket);
  message.ticket_life = ticket.life;
  message.cookie = context_->tickets->make_cookie(session.id);
  return message;
}

void MinionFront::on_admission(net::ConnectionId id, const engine::Admission& admission) {
  Session* session = find(id);
  if (session == nullptr || session->stage != Stage::kAdmitting) return;
  count(context_->counters.admissions[static_cast<std::size_t>(admission.verdict)]);
  const bool accepted = admission.verdict == engine::Verdict::kAccepted;
  const wire::Welcome message = welcome(*session, admission);
  const wire::Purpose purpose = session->proven->proof.purpose;
  const bool call = purpose == wire::Purpose::kCall;
  std::string key = std::move(session->proven->proof.public_key);
  session->proven.reset();
  if (accepted) {
    session->stage = call ? Stage::kCall : Stage::kStatus;
    session->key_version = admission.key_version;
    loop_.authenticated(id);
  }
  send(id, *session, message);
  if (!accepted) return loop_.close(id);
  if (const auto masters = context_->masters.load(); masters && !call) send(id, *session, wire::Masters{*masters, context_->address});
  // A send that failed has ended the session.
  session = find(id);
  if (session == nullptr) return;
  if (purpose == wire::Purpose::kSyndic) return open_relay(id, *session, std::move(key));
  if (context_->syndic) session->key = std::move(key);
}

// ---- sessions --------------------------------------------------------------------------------------------------------------

bool MinionFront::send(net::ConnectionId id, Session& session, const wire::SessionMessage& message) {
  return send_acks(id, session) && write(id, session, message);
}

bool MinionFront::write(net::ConnectionId id, Session& session, const wire::SessionMessage& message) {
  auto frame = session.cipher->seal(encode(message));
  // A sealed frame that is not written ends the session: the loop cuts the connection when it does not take it.
  if (frame && loop_.send(id, *frame)) return true;
  loop_.close(id, false);
  return false;
}

void MinionFront::on_sealed(net::ConnectionId id, Session& session, std::string_view body) {
  auto plain = session.cipher->open(body);
  if (!plain) return broken(id, session, plain.error().message);
  auto message = wire::decode_session_message(*plain);
  if (!message) return broken(id, session, message.error().message);
  on_session_message(id, session, std::move(*message));
}

void MinionFront::on_session_message(net::ConnectionId id, Session& session, wire::SessionMessage&& message) {
  if (auto* status = std::get_if<wire::Status>(&message); status != nullptr && session.stage != Stage::kCall)
    return on_status(id, session, std::move(*status));
  if (auto* call = std::get_if<wire::CallReport>(&message); call != nullptr && session.stage == Stage::kCall)
    return on_call(id, session, std::move(*call));
  if (std::holds_alternative<wire::Heartbeat>(message)) return;
  if (auto* behind = std::get_if<wire::Behind>(&message); behind != nullptr && session.stage == Stage::kStatus && context_->syndic) {
    session.behind = std::move(*behind);
    return;
  }
  if (session.stage == Stage::kRelay) {
    if (const auto* relayed = std::get_if<wire::Relayed>(&message)) return on_relayed(id, session, *relayed);
    if (std::holds_alternative<wire::Leaving>(message)) return;
    return broken(id, session, "a message that a syndic does not send here");
  }
  if (session.stage == Stage::kOpen) {
    if (auto* value = std::get_if<wire::Return>(&message)) return on_return(id, session, std::move(*value));
    if (auto* receipt = std::get_if<wire::Receipt>(&message))
      return context_->upstream->receipt(ref(id), std::move(receipt->jid), static_cast<engine::Receipt>(receipt->state));
    if (const auto* mark = std::get_if<wire::JournalMark>(&message))
      return context_->upstream->journal_at(ref(id), {mark->epoch, mark->sequence});
    if (auto* change = std::get_if<wire::MineChange>(&message)) return on_mine_change(id, session, std::move(*change));
    if (auto* get = std::get_if<wire::MineGet>(&message)) return on_mine_get(id, session, std::move(*get));
    if (std::holds_alternative<wire::Leaving>(message)) {
      session.left = true;
      return;
    }
  }
  broken(id, session, "a message that a minion does not send here");
}

void MinionFront::on_status(net::ConnectionId id, Session& session, wire::Status&& status) {
  if (status.grains.size() > kMaxGrains) return broken(id, session, "grains of more than 256 KiB");
  if (session.stage == Stage::kOpen) return context_->upstream->grains_changed(ref(id), session.id, std::move(status.grains));
  session.stage = Stage::kOpen;
  engine::SessionOpened opened{ref(id),
                               session.id,
                               session.instance,
                               std::move(status.grains),
                               std::move(status.running),
                               session.peer.address,
                               session.key_version};
  if (context_->syndic) {
    if (session.behind.signature.empty()) return broken(id, session, "it does not say that it is behind this syndic");
    opened.chain.push_back({session.id, session.key, session.behind.issued, session.behind.signature});
  }
  context_->upstream->session_opened(std::move(opened));
}

void MinionFront::on_return(net::ConnectionId id, Session& session, wire::Return&& message) {
  BRINE_CRASH_POINT("master.return_received");
  message.record.minion = session.id;
  message.record.received = context_->clock->unix_now();
  returns_.push_back({ref(id), std::move(message.record)});
}

void MinionFront::on_call(net::ConnectionId id, Session& session, wire::CallReport&& report) {
  context_->upstream->call(session.id, {std::move(report.function), std::move(report.arguments), std::move(report.result)},
                           [this, id](JobId jid, std::string error) {
                             loop_.post([this, id, reply = wire::CallReply{std::move(jid), std::move(error)}] {
                               if (Session* caller = find(id)) send(id, *caller, reply);
                             });
                           });
}

// ---- syndics ---------------------------------------------------------------------------------------------------------------

void MinionFront::open_relay(net::ConnectionId id, Session& session, std::string key) {
  session.stage = Stage::kRelay;
  session.relay = std::make_unique<RelayPort>(
      RelayPort::Parts{*context_->upstream, context_->counters.relay, returns_,
                       [this, id](std::function<void(RelayPort&)> work) {
                         loop_.post([this, id, work = std::move(work)] {
                           if (RelayPort* port = relay_of(id)) work(*port);
                         });
                       },
                       [this] { return context_->clock->unix_now(); }, [this] { return context_->clock->now(); },
                       [this] { return context_->identity.load()->key.public_key(); }},
      RelayPort::Peer{ref(id), session.id, std::move(key), context_->identity.load()->cluster_root});
  relays_.push_back(id);
  context_->upstream->gateway_opened({ref(id), session.id, session.peer.address, session.key_version});
}

void MinionFront::on_relayed(net::ConnectionId id, Session& session, const wire::Relayed& relayed) {
  if (auto taken = session.relay->take(relayed); !taken) broken(id, session, taken.error().message);
}

RelayPort* MinionFront::relay_of(net::ConnectionId id) {
  Session* session = find(id);
  return session == nullptr ? nullptr : session->relay.get();
}

void MinionFront::flush_relay(net::ConnectionId id) {
  Session* session = find(id);
  if (session == nullptr || !session->relay) return;
  while (auto message = session->relay->next(context_->compress)) {
    if (!send(id, *session, *message)) return;
  }
}

// A send that fails ends the session, so the list is copied before.
void MinionFront::flush_relays() {
  for (const net::ConnectionId id : std::vector(relays_)) flush_relay(id);
}

// ---- mine ------------------------------------------------------------------------------------------------------------------

void MinionFront::on_mine_change(net::ConnectionId id, Session& session, wire::MineChange&& message) {
  const auto bytes = MineAllowance::bytes_of(message.change);
  if (!bytes) return broken(id, session, "more mine entries than a minion may have");
  if (!session.mine.take(*bytes, context_->clock->now())) return broken(id, session, "mine entries faster than a minion may send them");
  context_->upstream->mine_changed(ref(id), session.id, std::move(message.change));
}

void MinionFront::on_mine_get(net::ConnectionId id, Session& session, wire::MineGet&& message) {
  if (!session.mine.begin_read()) {
    send(id, session, wire::MineReply{message.number, "", "too many mine.get at once from this minion; try again"});
    return;
  }
  engine::MineQuery query{std::move(message.target_kind), std::move(message.target), message.delimiter, std::move(message.name)};
  context_->upstream->mine_get(ref(id), session.id, std::move(query),
                               [this, id, number = message.number](std::string json, std::string error) {
                                 loop_.post([this, id, reply = wire::MineReply{number, std::move(json), std::move(error)}]() mutable {
                                   Session* reader = find(id);
                                   if (reader == nullptr) return;
                                   reader->mine.end_read();
                                   if (reply.json.size() + kMineReplyOverhead > context_->max_message)
                                     reply = {reply.number, "", "the answer is larger than max_message: ask for fewer minions"};
                                   send(id, *reader, reply);
                                 });
                               });
}

void MinionFront::hand_over_returns() {
  if (returns_.empty() || !context_->upstream->returns(std::move(returns_))) return;
  returns_.clear();
  for (const net::ConnectionId id : std::exchange(paused_, {})) loop_.resume_reading(id);
}

void MinionFront::on_turn() {
  hand_over_returns();
  serve_handshakes();
  send_due_acks();
  flush_relays();
}

void MinionFront::fail_handshake(net::ConnectionId id, HandshakeFailure why, std::string_view text) {
  count(context_->counters.handshakes_failed[static_cast<std::size_t>(why)]);
  refuse(id, refusal_for(why), kMalformedRetry, text);
}

void MinionFront::refuse(net::ConnectionId id, wire::RefusalCode code, milliseconds retry_after, std::string_view text) {
  const wire::Refusal refusal{code, retry_after, std::string(text)};
  loop_.send(id, wire::make_frame(wire::FrameType::kRefusal, encode(refusal)));
  loop_.close(id);
}

void MinionFront::broken(net::ConnectionId id, Session& session, std::string_view why) {
  count(context_->counters.sessions_broken);
  log::warning("closing {} {}: {}", session.peer.address, session.id.str(), why);
  loop_.close(id, false);
}

// ---- from the gateway ------------------------------------------------------------------------------------------------------

void MinionFront::deliver(const PreparedJob& ready, const store::JobRecord& job,
                          const std::vector<engine::Gateway::Recipient>& recipients) {
  wire::SessionMessage message = wire::Delivery{ready.signed_job, 0, {}};
  auto& delivery = std::get<wire::Delivery>(message);
  std::map<net::ConnectionId, std::vector<engine::Gateway::Recipient>> behind;
  for (const auto& recipient : recipients) {
    const net::ConnectionId id{recipient.session.connection};
    Session* session = find(id);
    if (session != nullptr && session->relay) behind[id].push_back(recipient);
    if (session == nullptr || session->stage != Stage::kOpen) continue;
    delivery.index = recipient.index;
    delivery.proof = ready.tree.proof(job.expected, recipient.index);
    send(id, *session, message);
    count(context_->counters.deliveries);
  }
  for (const auto& [id, list] : behind) relay_of(id)->deliver(ready, job, list);
}

void MinionFront::deliver_proven(std::string_view signed_job, const std::vector<ProvenRecipient>& recipients) {
  for (const ProvenRecipient& recipient : recipients) {
    const net::ConnectionId id{recipient.session.connection};
    Session* session = find(id);
    if (session != nullptr && session->relay) session->relay->deliver_proven(signed_job, recipient);
    if (session == nullptr || session->stage != Stage::kOpen) continue;
    send(id, *session, wire::Delivery{std::string(signed_job), recipient.index, recipient.proof});
    count(context_->counters.deliveries);
  }
}

void MinionFront::acknowledge(std::vector<engine::Gateway::Acknowledgement> list) {
  for (auto& [session_ref, jids, at_once] : list) {
    const net::ConnectionId id{session_ref.connection};
    Session* session = find(id);
    if (session != nullptr && session->relay) {
      session->relay->acknowledge(session_ref.slot, std::move(jids));
      continue;
    }
    if (session == nullptr || session->stage != Stage::kOpen) continue;
    if (session->acks.empty()) due_acks_.emplace_back(context_->clock->now() + context_->acknowledge_after, id);
    session->acks.insert(session->acks.end(), std::make_move_iterator(jids.begin()), std::make_move_iterator(jids.end()));
    if (at_once || session->acks.size() >= kAcksTogether) send_acks(id, *session);
  }
}

// False: the session is over.
bool MinionFront::send_acks(net::ConnectionId id, Session& session) {
  return session.acks.empty() || write(id, session, wire::Ack{std::exchange(session.acks, {})});
}

void MinionFront::send_due_acks() {
  const MonoTime now = context_->clock->now();
  std::size_t served = 0;
  for (; !due_acks_.empty() && due_acks_.front().first <= now && served < kAckedPerTurn; ++served) {
    const net::ConnectionId id = due_acks_.front().second;
    due_acks_.pop_front();
    if (Session* session = find(id)) send_acks(id, *session);
  }
  more_acks_due_ = served == kAckedPerTurn;
}

void MinionFront::end_session(engine::SessionRef session_ref, engine::GoodbyeReason reason, std::string text) {
  const net::ConnectionId id{session_ref.connection};
  Session* session = find(id);
  if (session == nullptr || !session->cipher) return;
  if (session_ref.slot != 0) {
    if (session->relay) session->relay->end(session_ref.slot, on_wire(reason), std::move(text));
    return;
  }
  send(id, *session, wire::Goodbye{on_wire(reason), milliseconds(static_cast<std::int64_t>(net::random_below(1'000))), std::move(text)});
  loop_.close(id);
}

// A send that fails ends the session, so the list is made before.
std::vector<engine::SessionRef> MinionFront::open_sessions() const {
  std::vector<engine::SessionRef> open;
  for (const auto& [value, session] : sessions_) {
    if (session->stage == Stage::kOpen || session->stage == Stage::kRelay) open.push_back(ref(net::ConnectionId{value}));
  }
  return open;
}

void MinionFront::show_manifest(const std::string& signed_manifest) {
  for (const engine::SessionRef open : open_sessions()) {
    const net::ConnectionId id{open.connection};
    if (Session* session = find(id)) send(id, *session, wire::NewManifest{signed_manifest});
  }
}

void MinionFront::show_masters(const std::vector<std::string>& masters) {
  for (const engine::SessionRef open : open_sessions()) {
    const net::ConnectionId id{open.connection};
    if (Session* session = find(id)) send(id, *session, wire::Masters{masters, context_->address});
  }
}

void MinionFront::say_stopping() {
  for (const engine::SessionRef session : open_sessions()) end_session(session, engine::GoodbyeReason::kStopping, "the master stops");
}

}  // namespace brine::front
