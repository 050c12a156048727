#include "front/gateway.h"

#include "wire/job.h"

namespace brine::front {
namespace {

constexpr std::size_t kPreparedBytes = 32U << 20;

std::size_t bytes_of(const PreparedJob& job) { return sizeof job + job.signed_job.size() + job.tree.bytes(); }

}  // namespace

void LoopGateway::keep(const JobId& jid, std::shared_ptr<const PreparedJob> job) {
  std::lock_guard lock(mutex_);
  const std::size_t bytes = bytes_of(*job);
  if (!prepared_.emplace(jid, std::move(job)).second) return;
  prepared_bytes_ += bytes;
  while (prepared_bytes_ > kPreparedBytes && prepared_.size() > 1) drop(prepared_.begin());
}

void LoopGateway::drop(std::map<JobId, std::shared_ptr<const PreparedJob>>::iterator job) {
  prepared_bytes_ -= bytes_of(*job->second);
  prepared_.erase(job);
}

void LoopGateway::job_closed(const JobId& jid) {
  std::lock_guard lock(mutex_);
  if (const auto found = prepared_.find(jid); found != prepared_.end()) drop(found);
}

void LoopGateway::prepare(const store::JobRecord& job, net::MerkleTree tree) {
  keep(job.jid, std::make_shared<const PreparedJob>(PreparedJob{encode(wire::SignedJob{job.signed_job, job.signature}), std::move(tree)}));
}

std::shared_ptr<const PreparedJob> LoopGateway::prepared(const store::JobRecord& job) {
  {
    std::lock_guard lock(mutex_);
    const auto found = prepared_.find(job.jid);
    if (found != prepared_.end()) return found->second;
  }
  auto fresh = std::make_shared<const PreparedJob>(
      PreparedJob{encode(wire::SignedJob{job.signed_job, job.signature}), net::MerkleTree(job.expected)});
  keep(job.jid, fresh);
  return fresh;
}

void LoopGateway::deliver(std::shared_ptr<const store::JobRecord> job, std::vector<Recipient> recipients) {
  const auto ready = prepared(*job);
  std::vector<std::vector<Recipient>> by_loop(lanes_.size());
  for (const Recipient& recipient : recipients) by_loop[recipient.session.loop].push_back(recipient);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (by_loop[i].empty()) continue;
    lanes_[i].loop->post([front = lanes_[i].front, ready, list = std::move(by_loop[i])] { front->deliver(*ready, list); });
  }
}

void LoopGateway::acknowledge(std::vector<Acknowledgement> list) {
  std::vector<std::vector<Acknowledgement>> by_loop(lanes_.size());
  for (Acknowledgement& value : list) by_loop[value.session.loop].push_back(std::move(value));
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (by_loop[i].empty()) continue;
    lanes_[i].loop->post([front = lanes_[i].front, part = std::move(by_loop[i])]() mutable { front->acknowledge(std::move(part)); });
  }
}

void LoopGateway::end_session(engine::SessionRef session, engine::GoodbyeReason reason, std::string text) {
  const Lane& lane = lanes_[session.loop];
  lane.loop->post(
      [front = lane.front, session, reason, text = std::move(text)]() mutable { front->end_session(session, reason, std::move(text)); });
}

void LoopGateway::show_manifest(const std::string& signed_manifest) {
  for (const Lane& lane : lanes_) lane.loop->post([front = lane.front, signed_manifest] { front->show_manifest(signed_manifest); });
}

void LoopGateway::show_masters(const std::vector<std::string>& masters) {
  for (const Lane& lane : lanes_) lane.loop->post([front = lane.front, masters] { front->show_masters(masters); });
}

void LoopGateway::say_stopping() {
  for (const Lane& lane : lanes_) lane.loop->post([front = lane.front] { front->say_stopping(); });
}

}  // namespace brine::front
