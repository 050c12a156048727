#include "cli/job_session.h"

#include <poll.h>

#include <algorithm>

#include "wire/frame.h"

namespace brine::cli {
namespace {

constexpr milliseconds kLookAgain{60'000};

MonoTime now() { return std::chrono::steady_clock::now(); }
milliseconds until(MonoTime time) { return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(time - now())); }

Result<wire::OperatorReply> decode(std::string_view bytes) {
  BRINE_LET(const wire::Frame frame, wire::parse_frame(bytes));
  if (frame.type != wire::FrameType::kOperatorReply) return fail(Code::kInvalid, "not an operator reply");
  return wire::decode_reply(frame.body);
}

}  // namespace

JobSession::JobSession(Connect connect, wire::Submit submit, SessionLimits limits, int interrupt_fd, JobListener& listener)
    : connect_(std::move(connect)),
      submit_(std::move(submit)),
      request_(wire::encode_request(submit_)),
      limits_(limits),
      interrupt_fd_(interrupt_fd),
      listener_(listener) {}

// The first connection must come at once; only later ones are worth waiting for.
Result<JobSession::End> JobSession::run() {
  BRINE_LET(client_, connect_());
  while (true) {
    auto end = converse();
    if (end && *end) return **end;
    Error why{Code::kUnavailable, "it does not stay"};
    if (!end) {
      if (client_ != nullptr || end.error().code != Code::kUnavailable) return std::unexpected(std::move(end.error()));
      if (!give_up_at_) listener_.connection_lost(end.error());
      if (limits_.others) why = std::move(end.error());
    }
    BRINE_LET(const std::optional<End> stopped, reconnect(std::move(why)));
    if (stopped) return *stopped;
  }
}

// Until the end of the job or of the connection; client_ is null after the latter.
Result<std::optional<JobSession::End>> JobSession::converse() {
  accepted_here_ = false;
  answer_by_ = now() + limits_.answer;
  client_->send(request_);
  while (true) {
    auto frame = client_->receive(milliseconds(0));
    if (frame && !*frame) {
      listener_.idle();
      frame = client_->receive(accepted_here_ ? kLookAgain : until(answer_by_), interrupt_fd_);
    }
    if (!frame) {
      client_.reset();
      return std::unexpected(std::move(frame.error()));
    }
    if (*frame) {
      BRINE_LET(const std::optional<End> end, take(**frame));
      if (end) return end;
      continue;
    }
    if (interrupt_fd_ >= 0 && net::is_readable(interrupt_fd_)) return std::optional(End::kInterrupted);
    if (!accepted_here_ && now() >= answer_by_)
      return fail(Code::kTimeout, "the master has not answered for " + std::to_string(limits_.answer.count() / 1000) + " s");
  }
}

Result<std::optional<JobSession::End>> JobSession::take(std::string_view frame) {
  auto reply = decode(frame);
  if (!reply) return fail(std::move(reply.error()), "the master's answer makes no sense; is it of the same version?");
  if (const auto* accepted = std::get_if<wire::Accepted>(&*reply)) return take_accepted(*accepted);
  if (const auto* value = std::get_if<wire::MinionReturn>(&*reply)) {
    if (returned_.insert(value->minion).second) listener_.returned(*value);
    return std::optional<End>();
  }
  if (auto* finished = std::get_if<wire::Finished>(&*reply)) return std::optional(take_finished(std::move(*finished)));
  if (auto* failure = std::get_if<wire::Failure>(&*reply)) {
    if (limits_.others && failure->code == Code::kUnavailable) client_.reset();
    return fail(failure->code, std::move(failure->message));
  }
  return fail(Code::kInvalid, "the master answered with what was not asked for");
}

Result<std::optional<JobSession::End>> JobSession::take_accepted(const wire::Accepted& accepted) {
  accepted_here_ = true;
  give_up_at_.reset();
  backoff_ = milliseconds(0);
  if (jid_ && *jid_ != accepted.jid)
    return fail(Code::kInternal, "the master took the repeated submission of job " + jid_->str() + " for a new one, " + accepted.jid.str() +
                                     ": it may have run twice");
  if (!jid_) {
    jid_ = accepted.jid;
    listener_.accepted(accepted);
  }
  return submit_.detach ? std::optional(End::kDetached) : std::nullopt;
}

JobSession::End JobSession::take_finished(wire::Finished finished) {
  std::erase_if(finished.missing, [this](const wire::Missing& value) { return returned_.contains(value.minion); });
  listener_.finished(finished);
  return End::kFinished;
}

Result<std::optional<JobSession::End>> JobSession::reconnect(Error why) {
  if (!give_up_at_) give_up_at_ = now() + limits_.reconnect;
  Error reason = std::move(why);
  while (now() < *give_up_at_) {
    listener_.idle();
    backoff_ = backoff_.count() == 0 ? limits_.backoff_first : std::min(backoff_ * 2, limits_.backoff_most);
    if (pause(std::min(backoff_, until(*give_up_at_)))) return std::optional(End::kInterrupted);
    auto client = connect_();
    if (client) {
      client_ = std::move(*client);
      return std::optional<End>();
    }
    reason = std::move(client.error());
    if (reason.code != Code::kUnavailable) break;
  }
  const auto waited = std::to_string((limits_.reconnect.count() + 999) / 1000);
  return fail(std::move(reason), "the connection to the master was lost and did not come back within " + waited + " s");
}

// True when the user wants no more.
bool JobSession::pause(milliseconds time) const {
  pollfd item{interrupt_fd_, POLLIN, 0};
  return ::poll(&item, 1, static_cast<int>(time.count())) > 0;
}

}  // namespace brine::cli
