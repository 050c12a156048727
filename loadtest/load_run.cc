#include "loadtest/load_run.h"

#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "base/daemon.h"
#include "loadtest/swarm_config.h"
#include "net/crypto.h"

namespace brine::loadtest {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr milliseconds kLineEvery{1'000};
constexpr milliseconds kLookEvery{10};  // at connections
constexpr milliseconds kConnectAgain{50};
constexpr std::size_t kConnectsPerTurn = 64;
constexpr seconds kBeyondTimeout{30};

void say(const Json& line) {
  const std::string text = line.dump() + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

double seconds_between(MonoTime from, MonoTime to) { return std::round(std::chrono::duration<double>(to - from).count() * 1000) / 1000; }

std::uint64_t jobs_of(const LoadConfig& config) {
  return config.closed ? config.jobs : static_cast<std::uint64_t>(std::floor(config.seconds * config.rate));
}

}  // namespace

LoadRun::LoadRun(LoadConfig config)
    : config_(std::move(config)),
      jobs_(jobs_of(config_)),
      stream_{.max_message = 1U << 30},
      random_(config_.seed),
      submission_base_(net::random_bytes(8)) {}

Status LoadRun::start() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  BRINE_TRY(tally_.open(config_.jobs_log));
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return fail_errno("cannot make an epoll set", errno);
  callers_.resize(config_.connections);
  for (std::size_t i = 0; i < callers_.size(); ++i) callers_[i].line = std::make_unique<OperatorLine>(epoll_.get(), i, stream_);
  BRINE_TRY(callers_.front().line->connect(config_.operator_socket, clock_.now()));
  return {};
}

void LoadRun::run() {
  // Connections are made before the clock of the load starts.
  const MonoTime patience = clock_.now() + seconds(10);
  while (free_.size() < callers_.size() && clock_.now() < patience && !stopped_) turn();
  begin_ = clock_.now();
  next_line_ = begin_ + kLineEvery;
  const MonoTime last = begin_ + std::chrono::duration_cast<MonoTime::duration>(std::chrono::duration<double>(config_.seconds));
  while (!stopped_ && sending(clock_.now())) turn();
  const MonoTime give_up = std::max(last, clock_.now()) + config_.timeout + kBeyondTimeout;
  while (!stopped_ && under_way_ > 0 && clock_.now() < give_up) turn();
  for (std::size_t i = 0; i < callers_.size(); ++i) {
    if (callers_[i].busy) end_job(i, LoadEnd::kUnfinished, "", clock_.now());
  }
  tell_end();
}

// Jobs are to be sent, and there is time to do so.
bool LoadRun::sending(MonoTime now) const {
  if (next_job_ >= jobs_) return false;
  return config_.closed || now < begin_ + std::chrono::duration<double>(config_.seconds);
}

void LoadRun::turn() {
  const MonoTime now = clock_.now();
  const bool begun = begin_ != MonoTime{};
  MonoTime until = now + kLookEvery;
  if (begun) until = std::min(until, next_line_);
  if (begun && sending(now) && !free_.empty()) until = std::min(until, intended(next_job_));
  wait(until);
  const MonoTime after = clock_.now();
  if (begun && sending(after)) send_due(after);
  look_after(after);
  if (begun && after >= next_line_) tell_second(after);
  stopped_ = stopped_ || wait_for_stop(milliseconds(0));
}

// epoll_wait() counts in milliseconds, which is longer than a job takes.
void LoadRun::wait(MonoTime until) {
  std::array<epoll_event, kEventsPerTurn> events;
  const auto length = std::max(until - clock_.now(), MonoTime::duration(0));
  const auto whole = std::chrono::duration_cast<seconds>(length);
  const timespec time{whole.count(), std::chrono::duration_cast<std::chrono::nanoseconds>(length - whole).count()};
  const int ready = ::epoll_pwait2(epoll_.get(), events.data(), kEventsPerTurn, &time, nullptr);
  const MonoTime now = clock_.now();
  for (int i = 0; i < ready; ++i) serve(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64), now);
}

// ---- sending ---------------------------------------------------------------------------------------------------------------

MonoTime LoadRun::intended(std::uint64_t number) const {
  if (config_.closed) return begin_;
  return begin_ + std::chrono::duration_cast<MonoTime::duration>(std::chrono::duration<double>(static_cast<double>(number) / config_.rate));
}

bool LoadRun::is_due(MonoTime now) const { return next_job_ < jobs_ && intended(next_job_) <= now; }

void LoadRun::send_due(MonoTime now) {
  while (is_due(now) && !free_.empty()) {
    const std::size_t index = free_.back();
    free_.pop_back();
    send(index, now);
  }
}

void LoadRun::send(std::size_t index, MonoTime now) {
  Caller& caller = callers_[index];
  caller.busy = true;
  ++under_way_;
  caller.accepted = caller.finished = false;
  caller.job = {};
  caller.job.number = next_job_++;
  caller.job.intended = config_.closed ? now : intended(caller.job.number);
  tally_.sent();
  if (!caller.line->submit(submission(caller.job.number))) lose(index, {Code::kUnavailable, "the connection takes nothing"}, now);
}

wire::Submit LoadRun::submission(std::uint64_t number) {
  wire::Submit submit;
  std::memcpy(submit.submission.bytes.data(), submission_base_.data(), 8);
  std::memcpy(submit.submission.bytes.data() + 8, &number, 8);
  const TargetConfig& target = config_.target;
  submit.target_kind = target.random_minion ? "list" : target.kind;
  submit.target = target.random_minion ? minion_name(target.prefix, target.first + random_() % target.count) : target.pattern;
  submit.function = config_.function;
  submit.arguments = config_.arguments;
  submit.timeout = config_.timeout;
  return submit;
}

// ---- replies ---------------------------------------------------------------------------------------------------------------

void LoadRun::serve(std::size_t index, MonoTime now) {
  OperatorLine& line = *callers_[index].line;
  const bool was_ready = line.is_ready();
  const Status status = line.on_ready(replies_, now);
  if (!was_ready && line.is_ready()) free_.push_back(index);
  for (; !replies_.empty(); replies_.pop_front()) take(index, std::move(replies_.front()), now);
  if (!status) lose(index, status.error(), now);
}

void LoadRun::take(std::size_t index, wire::OperatorReply&& reply, MonoTime now) {
  Caller& caller = callers_[index];
  if (!caller.busy) return;
  if (const auto* accepted = std::get_if<wire::Accepted>(&reply)) {
    tally_.accepted();
    caller.accepted = true;
    caller.job.jid = accepted->jid.str();
    caller.job.expected = accepted->expected;
  } else if (const auto* value = std::get_if<wire::MinionReturn>(&reply)) {
    tally_.returned(value->state, value->success);
    ++caller.job.returned;
  } else if (const auto* finished = std::get_if<wire::Finished>(&reply)) {
    caller.finished = true;
    caller.job.missing = static_cast<std::uint32_t>(finished->missing.size());
  } else if (const auto* failure = std::get_if<wire::Failure>(&reply)) {
    return end_job(index, failure->code == Code::kBusy ? LoadEnd::kBusy : LoadEnd::kFailed, failure->message, now);
  }
  if (caller.accepted && caller.finished) end_job(index, LoadEnd::kFinished, "", now);
}

void LoadRun::end_job(std::size_t index, LoadEnd end, const std::string& why, MonoTime now) {
  Caller& caller = callers_[index];
  tally_.ended(caller.job, end, why, now);
  caller.busy = false;
  --under_way_;
  if (caller.line->is_ready()) free_.push_back(index);
}

void LoadRun::lose(std::size_t index, const Error& error, MonoTime now) {
  Caller& caller = callers_[index];
  std::erase(free_, index);
  caller.line->close();
  caller.connect_at = now + kConnectAgain;
  if (caller.busy) end_job(index, LoadEnd::kLost, error.message, now);
}

// ---- looking after ---------------------------------------------------------------------------------------------------------

void LoadRun::look_after(MonoTime now) {
  if (now < next_look_) return;
  next_look_ = now + kLookEvery;
  connect_all(now);
  for (std::size_t i = 0; i < callers_.size(); ++i) {
    if (auto beaten = callers_[i].line->beat(now); !beaten) lose(i, beaten.error(), now);
  }
}

void LoadRun::connect_all(MonoTime now) {
  std::size_t tried = 0;
  for (Caller& caller : callers_) {
    if (caller.line->is_open() || now < caller.connect_at) continue;
    if (!caller.line->connect(config_.operator_socket, now)) caller.connect_at = now + kConnectAgain;
    if (++tried == kConnectsPerTurn) return;
  }
}

void LoadRun::tell_second(MonoTime now) {
  next_line_ += kLineEvery;
  Json line = tally_.take_second();
  line["t"] = seconds_between(begin_, now);
  line["under_way"] = under_way_;
  say(line);
  static_cast<void>(tally_.flush());
}

void LoadRun::tell_end() {
  static_cast<void>(tally_.take_second());
  Json line = tally_.totals();
  const double length = seconds_between(begin_, clock_.now());
  line["t"] = length;
  line["unsent"] = jobs_ - next_job_;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  line["cpu_s"] = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                  static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  if (auto flushed = tally_.flush(); !flushed) std::fprintf(stderr, "brine-load: %s\n", flushed.error().message.c_str());
  say({{"final", line}});
}

}  // namespace brine::loadtest
