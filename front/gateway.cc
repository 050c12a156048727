#include "front/gateway.h"

namespace brine::front {

void LoopGateway::job_closed(const JobId& jid) { prepared_.forget(jid); }

void LoopGateway::deliver(std::shared_ptr<const store::JobRecord> job, std::vector<Recipient> recipients) {
  const auto ready = prepared_.of(*job);
  std::vector<std::vector<Recipient>> by_loop(lanes_.size());
  for (const Recipient& recipient : recipients) by_loop[recipient.session.loop].push_back(recipient);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (by_loop[i].empty()) continue;
    lanes_[i].loop->post([front = lanes_[i].front, ready, job, list = std::move(by_loop[i])] { front->deliver(*ready, *job, list); });
  }
}

void LoopGateway::deliver_proven(std::shared_ptr<const std::string> signed_job, std::vector<ProvenRecipient> recipients) {
  std::vector<std::vector<ProvenRecipient>> by_loop(lanes_.size());
  for (ProvenRecipient& recipient : recipients) by_loop[recipient.session.loop].push_back(std::move(recipient));
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (by_loop[i].empty()) continue;
    lanes_[i].loop->post([front = lanes_[i].front, signed_job, list = std::move(by_loop[i])] { front->deliver_proven(*signed_job, list); });
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
