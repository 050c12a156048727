#include "master/operator_desk.h"

#include <pwd.h>

#include "base/log.h"
#include "wire/frame.h"

namespace brine::master {
namespace {

std::string user_of(std::uint32_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) return found->pw_name;
  return std::to_string(uid);
}

wire::Failure failure(const Error& error) { return {error.code, error.message}; }

}  // namespace

void OperatorDesk::Link::send(const wire::OperatorReply& reply) {
  if (gone) return;
  loop.post([loop_ptr = &loop, connection = id, frame = encode_reply(reply)] { loop_ptr->send(connection, frame); });
}

class OperatorDesk::JobWatcher final : public engine::Watcher {
 public:
  explicit JobWatcher(std::shared_ptr<Link> link) : link_(std::move(link)) {}

  void returned(const store::ReturnRecord& record) override {
    link_->send(wire::MinionReturn{record.minion, std::string(to_string(record.outcome)), record.retcode, record.success, record.payload});
  }
  void finished(const std::vector<engine::MissingMinion>& missing) override {
    wire::Finished reply;
    for (const engine::MissingMinion& value : missing)
      reply.missing.push_back({value.id, std::string(engine::to_string(value.state)), value.text});
    link_->send(reply);
  }
  bool gone() const override { return link_->gone; }

 private:
  const std::shared_ptr<Link> link_;
};

OperatorDesk::OperatorDesk(net::FaceLoop& loop, engine::Engine& engine, const Runners& runners, TaskLoop& runner_thread,
                           std::set<std::uint32_t> allowed)
    : loop_(loop), engine_(engine), runners_(runners), runner_thread_(runner_thread), allowed_(std::move(allowed)) {}

void OperatorDesk::on_open(net::ConnectionId connection, const net::Peer& peer) {
  if (!peer.local || !allowed_.contains(peer.uid)) {
    log::warning("{} is not an operator: refused", peer.address);
    const std::string who = user_of(peer.uid);
    loop_.send(connection,
               encode_reply(wire::Failure{Code::kDenied, "user " + who + " is not an operator of this master; add it to `operators`"}));
    loop_.close(connection);
    return;
  }
  loop_.authenticated(connection);
  links_[connection.value] = std::make_shared<Link>(loop_, connection, peer.uid, user_of(peer.uid));
}

void OperatorDesk::on_close(net::ConnectionId connection) {
  const auto found = links_.find(connection.value);
  if (found == links_.end()) return;
  found->second->gone = true;
  links_.erase(found);
}

void OperatorDesk::on_message(net::ConnectionId connection, std::string_view message) {
  const auto found = links_.find(connection.value);
  if (found == links_.end()) return;
  const std::shared_ptr<Link> link = found->second;
  const auto frame = wire::parse_frame(message);
  if (!frame || frame->type != wire::FrameType::kOperatorRequest) {
    link->send(wire::Failure{Code::kInvalid, "not an operator request; is the command line of the same version as the master?"});
    return loop_.close(connection);
  }
  auto request = wire::decode_request(frame->body);
  if (!request) return link->send(failure(request.error()));
  if (auto* wanted = std::get_if<wire::Submit>(&*request)) return submit(link, std::move(*wanted));
  run(link, std::move(std::get<wire::Run>(*request)));
}

void OperatorDesk::submit(const std::shared_ptr<Link>& link, wire::Submit&& request) {
  engine::Submission submission;
  submission.id = request.submission;
  submission.target_kind = std::move(request.target_kind);
  submission.target = std::move(request.target);
  submission.delimiter = request.delimiter;
  submission.function = std::move(request.function);
  submission.arguments = std::move(request.arguments);
  submission.timeout = request.timeout;
  submission.expires = request.expires;
  submission.subset = request.subset;
  submission.user = link->user;
  submission.uid = link->uid;
  std::shared_ptr<engine::Watcher> watcher;
  if (!request.detach) watcher = std::make_shared<JobWatcher>(link);
  engine_.submit(std::move(submission), std::move(watcher), [link](const Result<engine::Submitted>& result) {
    if (!result) return link->send(failure(result.error()));
    link->send(wire::Accepted{result->jid, result->expected, result->repeated});
  });
}

void OperatorDesk::run(const std::shared_ptr<Link>& link, wire::Run&& request) {
  const bool taken = runner_thread_.try_post([this, link, request = std::move(request)] {
    const auto result = runners_.run(request.function, request.arguments);
    if (!result) return link->send(failure(result.error()));
    link->send(wire::RunResult{result->dump(-1, ' ', false, Json::error_handler_t::replace)});
  });
  if (!taken) link->send(wire::Failure{Code::kBusy, "busy: too many runners are waiting; retry after a second"});
}

}  // namespace brine::master
