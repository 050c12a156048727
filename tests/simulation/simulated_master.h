// One master: the product's engine, driven by hand, between simulated connections and a simulated store. kill() forgets all but the store.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "tests/simulation/network.h"
#include "tests/simulation/shared_memory.h"
#include "tests/unit/engine/fakes.h"

namespace brine::simulation {

class World;

class SimulatedMaster final : public engine::Gateway {
 public:
  SimulatedMaster(World& world, std::size_t number, microseconds clock_ahead);
  ~SimulatedMaster() override { kill(); }

  const std::string& name() const { return name_; }
  bool alive() const { return engine_ != nullptr && !doomed_; }
  bool runs() const { return alive() && !paused_; }
  bool serves() const { return runs() && !stopping_ && engine_->peers()->leads(); }
  // Each part of it has, by chance, its turn or not.
  void turn(int percent);

  void start();  // tries until it succeeds
  void kill();
  void stop();  // in good order
  void set_paused(bool paused) { paused_ = paused; }
  void set_fault(Fault fault) { fault_ = fault; }
  Fault fault() const { return fault_; }

  engine::Engine* engine() { return engine_.get(); }
  std::uint64_t life() const { return life_; }
  // Where it takes each minion to be: its own name, another's, or "".
  std::map<std::string, std::string> places();
  std::vector<std::string> open_jobs();

  // From a minion, over this link.
  void on_connect(const LinkRef& link, const engine::AdmissionRequest& request);
  void on_opened(const LinkRef& link, const engine::SessionOpened& opened);
  void on_return(const LinkRef& link, store::ReturnRecord record);
  void on_receipt(const LinkRef& link, const JobId& jid, engine::Receipt receipt);
  void on_mark(const LinkRef& link, engine::JournalPosition position);
  void on_closed(const LinkRef& link);

  void deliver(std::shared_ptr<const store::JobRecord> job, std::vector<Recipient> recipients) override;
  void acknowledge(std::vector<engine::Gateway::Acknowledgement> list) override;
  void end_session(engine::SessionRef session, engine::GoodbyeReason reason, std::string text) override;
  void job_closed(const JobId&) override {}

 private:
  bool try_to_start();
  void end(std::uint64_t life);
  void answer_late();
  void turn_ledger();
  template <typename Message>
  void say(const LinkRef& link, Message message);
  void say_goodbye();
  LinkRef link_of(engine::SessionRef session) const;

  World& world_;
  const std::size_t number_;
  const std::string name_;
  const SkewedClock clock_;
  engine::FakeNotary notary_;
  engine::FakeEvents events_;
  Fault fault_ = Fault::kNone;
  bool paused_ = false;
  bool wanted_ = false;  // it is to run
  bool stopping_ = false;
  std::uint64_t life_ = 0;
  bool committing_ = false;  // its ledger waits for the store: it has no turn
  bool doomed_ = false;      // it was killed meanwhile
  std::unique_ptr<SharedMemoryClient> store_;
  std::unique_ptr<engine::Engine> engine_;
  std::map<std::uint64_t, LinkRef> links_;
  std::set<std::uint64_t> opened_;
  std::vector<engine::PendingReturn> returns_;  // that the engine could not take
};

}  // namespace brine::simulation
