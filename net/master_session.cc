#include "net/master_session.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "wire/frame.h"

namespace brine::net {
namespace {

constexpr int kMaxDoublings = 10;
constexpr milliseconds kLongestRefusal{60'000};

std::int64_t us_of(MonoTime time) { return std::chrono::duration_cast<microseconds>(time.time_since_epoch()).count(); }

ConnectFailure failure_of(wire::Verdict verdict) {
  switch (verdict) {
    case wire::Verdict::kPending: return ConnectFailure::kPending;
    case wire::Verdict::kRejected: return ConnectFailure::kRejected;
    case wire::Verdict::kDenied: return ConnectFailure::kDenied;
    case wire::Verdict::kAccepted:
    case wire::Verdict::kBusy: break;
  }
  return ConnectFailure::kBusy;
}

SessionEnd end_of(wire::GoodbyeReason reason) {
  switch (reason) {
    case wire::GoodbyeReason::kStopping: return SessionEnd::kStopping;
    case wire::GoodbyeReason::kDisplaced: return SessionEnd::kDisplaced;
    case wire::GoodbyeReason::kKeyChanged:
    case wire::GoodbyeReason::kProtocol: break;
  }
  return SessionEnd::kEnded;
}

}  // namespace

MasterSession::MasterSession(Parts parts, SessionOptions options, std::string cookie, Owner& owner)
    : parts_(parts),
      options_(std::move(options)),
      owner_(owner),
      cookie_(std::move(cookie)),
      retry_at_(parts.clock.now()),
      deadline_(retry_at_),
      last_sent_(retry_at_),
      masters_(options_.id, options_.masters),
      random_(static_cast<unsigned>(random_u64())) {}

// ---- connecting ------------------------------------------------------------------------------------------------------------

MonoTime MasterSession::next_tick() const {
  switch (state_) {
    case State::kWaiting: return retry_at_;
    case State::kOpen: {
      const MonoTime next = last_sent_ + heartbeat_;
      return move_at_ ? std::min(next, *move_at_) : next;
    }
    case State::kStopped: return MonoTime::max();
    default: return deadline_;
  }
}

void MasterSession::on_tick() {
  const MonoTime now = parts_.clock.now();
  if (now < next_tick()) return;
  switch (state_) {
    case State::kWaiting: return begin_connecting();
    case State::kOpen:
      if (now >= last_sent_ + heartbeat_) send(wire::Heartbeat{});
      if (move_at_ && now >= *move_at_) move();
      return;
    case State::kStopped: return;
    default:
      log::info("no answer from {} in time", masters_.current());
      owner_.count(ConnectFailure::kTimeout);
      end_session();
      retry_later(milliseconds(0), true);
  }
}

void MasterSession::begin_connecting() {
  if (masters_.empty()) return;
  state_ = State::kConnecting;
  deadline_ = parts_.clock.now() + (masters_.size() > 1 ? options_.connect_to_one : options_.connect_deadline);
  parts_.link.connect(masters_.current());
}

// Full jitter (Brooker, "Exponential backoff and jitter", 2015): a random time up to a bound that doubles with every failure.
void MasterSession::retry_later(milliseconds at_least, bool failure) {
  failures_ = failure ? failures_ + 1 : 0;
  if (failure) masters_.next();
  const std::int64_t ceiling =
      std::min(options_.recon_max.count(), options_.recon_default.count() << std::min(std::max(failures_ - 1, 0), kMaxDoublings));
  const milliseconds jitter(std::uniform_int_distribution<std::int64_t>(0, std::max<std::int64_t>(ceiling, 1))(random_));
  state_ = stopping_ ? State::kStopped : State::kWaiting;
  retry_at_ = parts_.clock.now() + at_least + jitter;
}

void MasterSession::end_session() {
  move_at_.reset();
  parts_.link.disconnect();
  handshake_.reset();
  cipher_.reset();
  state_ = State::kWaiting;
  owner_.on_end();
}

void MasterSession::on_connected() {
  if (state_ != State::kConnecting) return;
  deadline_ = parts_.clock.now() + options_.connect_deadline;
  const wire::JournalMark journal = owner_.journal();
  ClientOptions options;
  options.id = options_.id;
  options.purpose = options_.purpose;
  options.instance = options_.instance;
  options.journal_epoch = journal.epoch;
  options.journal_sequence = journal.sequence;
  options.cookie = cookie_;
  if (cookie_.empty()) options.join_token = options_.join_token;
  if (ticket_ && ticket_->expires > parts_.clock.now()) options.ticket = ticket_;
  handshake_ = std::make_unique<ClientHandshake>(parts_.key, parts_.trust, std::move(options));
  state_ = State::kHandshake;
  if (!parts_.link.send(handshake_->hello())) on_lost();
}

void MasterSession::on_lost() { lose(SessionEnd::kLost); }

void MasterSession::lose(SessionEnd how) {
  if (state_ == State::kWaiting || state_ == State::kStopped) return;
  const bool was_open = state_ == State::kOpen;
  if (was_open) log::warning("lost the connection to {}", masters_.current());
  was_open ? owner_.count(how) : owner_.count(ConnectFailure::kUnreachable);
  end_session();
  retry_later(milliseconds(0), !was_open);
  if (was_open) masters_.next();  // should it be gone, another one is there
}

void MasterSession::on_frame(std::string_view bytes) {
  const auto frame = wire::parse_frame(bytes);
  if (!frame) return lose(SessionEnd::kBroken);
  if (frame->type == wire::FrameType::kRefusal && (state_ == State::kHandshake || state_ == State::kAwaitWelcome))
    return on_refusal(frame->body);
  if (frame->type == wire::FrameType::kServerHello && state_ == State::kHandshake) return on_server_hello(frame->body);
  if (frame->type == wire::FrameType::kSealed && (state_ == State::kAwaitWelcome || state_ == State::kOpen)) return on_sealed(frame->body);
  log::warning("{} sent a frame that does not fit here", masters_.current());
  lose(SessionEnd::kBroken);
}

void MasterSession::on_refusal(std::string_view body) {
  const auto refusal = wire::decode_refusal(body);
  log::warning("{} refuses: {}", masters_.current(), refusal ? refusal->text : "malformed");
  owner_.count(ConnectFailure::kRefused);
  ticket_.reset();
  const milliseconds wait = refusal ? std::min(refusal->retry_after, kLongestRefusal) : milliseconds(0);
  end_session();
  retry_later(wait, true);
}

void MasterSession::on_server_hello(std::string_view body) {
  auto step = handshake_->finish(body, parts_.clock.unix_now());
  if (!step) {
    log::error("{}: {}", masters_.current(), step.error().message);
    trouble_ = step.error().message;
    owner_.count(ConnectFailure::kUntrusted);
    ticket_.reset();
    end_session();
    return retry_later(options_.recon_max, true);
  }
  if (step->manifest_is_new) {
    parts_.keepsake.keep_manifest(step->manifest);
    owner_.on_manifest(step->manifest);
  }
  peer_key_ = step->resumed ? ticket_->peer : step->peer;
  keys_ = step->keys;
  cipher_.emplace(keys_, Side::kMinion);
  handshake_.reset();
  state_ = State::kAwaitWelcome;
  if (!parts_.link.send(step->finish_frame)) on_lost();
}

// ---- session ---------------------------------------------------------------------------------------------------------------

void MasterSession::broken(std::string_view why) {
  log::warning("the session with {} is broken: {}", masters_.current(), why);
  ticket_.reset();
  lose(SessionEnd::kBroken);
}

void MasterSession::on_sealed(std::string_view body) {
  auto plain = cipher_->open(body);
  if (!plain) return broken(plain.error().message);
  auto message = wire::decode_session_message(*plain);
  if (!message) return broken(message.error().message);
  if (auto* welcome = std::get_if<wire::Welcome>(&*message)) {
    if (state_ != State::kAwaitWelcome) return broken("a second welcome");
    return on_welcome(std::move(*welcome));
  }
  if (state_ != State::kOpen) return broken("a message before the welcome");
  if (const auto* goodbye = std::get_if<wire::Goodbye>(&*message)) return on_goodbye(*goodbye);
  if (const auto* live = std::get_if<wire::Masters>(&*message)) return learn_masters(live->live, live->own);
  if (const auto* fresh = std::get_if<wire::NewManifest>(&*message)) return take_manifest(fresh->manifest);
  if (std::holds_alternative<wire::Heartbeat>(*message)) return;
  if (!owner_.on_message(std::move(*message))) broken("a message that a master does not send");
}

void MasterSession::on_welcome(wire::Welcome&& welcome) {
  if (!welcome.manifest.empty()) take_manifest(welcome.manifest);
  if (welcome.verdict == wire::Verdict::kAccepted) return on_accepted(welcome);
  const bool again_at_once = welcome.verdict == wire::Verdict::kBusy && ticket_ && welcome.retry_after == milliseconds(0);
  ticket_.reset();
  if (!again_at_once) owner_.count(failure_of(welcome.verdict));
  if (!again_at_once && trouble_ != welcome.text) log::warning("{}: {}", masters_.current(), welcome.text);
  trouble_ = welcome.text;
  end_session();
  if (welcome.verdict == wire::Verdict::kBusy && !again_at_once) masters_.pass();
  retry_later(std::min(welcome.retry_after, options_.longest_wait), false);
  if (again_at_once) retry_at_ = parts_.clock.now();
}

void MasterSession::take_manifest(const std::string& manifest) {
  const auto admitted = parts_.trust.admit(manifest, parts_.clock.unix_now());
  if (!admitted) return log::error("a new manifest was refused: {}", admitted.error().message);
  if (!*admitted) return;
  parts_.keepsake.keep_manifest(manifest);
  ticket_.reset();  // whoever gave it may have been withdrawn
  owner_.on_manifest(manifest);
}

void MasterSession::on_accepted(const wire::Welcome& welcome) {
  state_ = State::kOpen;
  failures_ = 0;
  trouble_.clear();
  last_sent_ = parts_.clock.now();
  master_offset_us_ = welcome.master_time - us_of(parts_.clock.now());
  knows_time_ = true;
  if (welcome.heartbeat > milliseconds(0)) heartbeat_ = welcome.heartbeat;
  if (welcome.max_message > 0) max_message_ = welcome.max_message;
  if (!welcome.ticket.empty())
    ticket_ = HeldTicket{welcome.ticket, keys_.resumption_secret, parts_.clock.now() + welcome.ticket_life, peer_key_};
  if (!welcome.cookie.empty() && welcome.cookie != cookie_) {
    cookie_ = welcome.cookie;
    parts_.keepsake.keep_cookie(cookie_);
  }
  log::info("session with {}", masters_.current());
  owner_.on_open(welcome);
}

// Each at a time of its own, so that a master that comes back is not run over.
void MasterSession::learn_masters(const std::vector<std::string>& live, const std::string& own) {
  masters_.learn(live, own);
  move_at_.reset();
  if (!masters_.has_better()) return;
  const milliseconds later(std::uniform_int_distribution<std::int64_t>(0, options_.rebalance_within.count())(random_));
  move_at_ = parts_.clock.now() + later;
}

// Without a goodbye: it is waited for, as one whose connection broke.
void MasterSession::move() {
  masters_.take_best();
  log::info("moving to {}", masters_.current());
  owner_.count(SessionEnd::kMoved);
  end_session();
  retry_later(milliseconds(0), false);
  retry_at_ = parts_.clock.now();
}

void MasterSession::on_goodbye(const wire::Goodbye& goodbye) {
  log::warning("{} ends the session: {}", masters_.current(), goodbye.text);
  owner_.count(end_of(goodbye.reason));
  if (goodbye.reason != wire::GoodbyeReason::kStopping) ticket_.reset();
  end_session();
  const bool displaced = goodbye.reason == wire::GoodbyeReason::kDisplaced;
  if (goodbye.reason == wire::GoodbyeReason::kStopping) masters_.next();
  retry_later(displaced ? options_.recon_max : std::min(goodbye.retry_after, kLongestRefusal), false);
}

bool MasterSession::send_encoded(std::string_view plain) {
  if (state_ != State::kOpen) return false;
  auto frame = cipher_->seal(plain);
  if (frame && parts_.link.send(*frame)) {
    last_sent_ = parts_.clock.now();
    return true;
  }
  // A sealed frame that was not taken ends the session.
  on_lost();
  return false;
}

void MasterSession::stop() {
  stopping_ = true;
  if (state_ == State::kOpen) {
    send(wire::Leaving{});
    return;
  }
  end_session();
  state_ = State::kStopped;
}

UnixMicros MasterSession::master_now() const { return knows_time_ ? us_of(parts_.clock.now()) + master_offset_us_ : 0; }

}  // namespace brine::net
