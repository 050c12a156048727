// What stands behind a syndic's front: passes what minions say upwards, and what comes from above down to them.
//
// Upwards everything goes through one queue, in order; returns go through the spool first and wait there until they are acknowledged from
// above. Without a session upwards minions stay, their returns are spooled, and known keys are let in for as long as enrolment_cache.
// Every session upwards begins with all who are here.
//
// Upstream's methods may be called from any thread; all others belong to the syndic's loop.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/task_loop.h"
#include "front/gateway.h"
#include "front/upstream.h"
#include "store/return_spool.h"
#include "syndic/spool_writer.h"
#include "wire/relay.h"

namespace brine::syndic {

struct RelayOptions {
  milliseconds enrolment_cache{3'600'000};
  std::size_t window = 8'192;  // returns sent upwards and not acknowledged
  std::size_t window_bytes = 8U << 20;
  std::size_t message_bytes = 512U << 10;  // of one message upwards, about
};

struct RelayCounters {
  std::atomic<bool> connected{false};  // to what is above
  std::atomic<std::int64_t> minions{0};
  std::atomic<std::int64_t> syndics{0};  // below
  std::atomic<std::uint64_t> returns_sent{0};
  std::atomic<std::uint64_t> returns_acknowledged{0};
  std::atomic<std::uint64_t> bytes_up{0};
  std::atomic<std::uint64_t> plain_up{0};  // before compression
  std::atomic<std::uint64_t> bytes_down{0};
  std::atomic<std::uint64_t> plain_down{0};
  std::atomic<std::uint64_t> overflowed{0};  // sessions that were ended, admissions refused and receipts dropped, because too much waited
  std::atomic<std::uint64_t> admitted_alone{0};  // without a master
};

class Relay final : public front::Upstream {
 public:
  struct Parts {
    TaskLoop& loop;
    front::LoopGateway& gateway;
    SpoolWriter& writer;
    const store::ReturnSpool& spool;
    const Clock& clock;
    RelayCounters& counters;
  };

  Relay(Parts parts, RelayOptions options) : parts_(parts), options_(options) {}

  void admit(engine::AdmissionRequest request, std::function<void(engine::Admission)> done) override;
  void session_opened(engine::SessionOpened opened) override;
  void session_closed(engine::SessionRef session, engine::EndReason reason) override;
  void receipt(engine::SessionRef session, JobId jid, engine::Receipt receipt) override;
  void journal_at(engine::SessionRef session, engine::JournalPosition position) override;
  void grains_changed(engine::SessionRef session, MinionId id, std::string grains) override;
  void mine_changed(engine::SessionRef session, MinionId id, store::MineChange change) override;
  void mine_get(engine::SessionRef session, MinionId id, engine::MineQuery query,
                std::function<void(std::string json, std::string error)> done) override;
  bool returns(std::vector<engine::PendingReturn>&& returns) override;
  void gateway_opened(engine::GatewayOpened opened) override;
  void gateway_closed(engine::SessionRef session) override;
  void judge_chain(engine::SessionRef slot, std::vector<store::Attachment> chain, std::function<void(UnixMicros)> done) override;
  void call(MinionId id, front::CallReport report, std::function<void(JobId jid, std::string error)> done) override;

  // The session upwards has begun. own: this syndic's word, if what is above is a syndic.
  void opened(std::optional<store::Attachment> own);
  void closed();
  // From above. An error ends the session upwards.
  Status take(const wire::Relayed& relayed);
  // What the spool's thread has synced.
  void stored(std::vector<store::SpooledReturn> returns);
  // The next message upwards; none: nothing more just now.
  std::optional<wire::RelayUp> next();
  // Nothing waits to go up, or to be acknowledged.
  bool drained() const { return queue_.empty() && in_flight_.empty() && caught_up_; }

 private:
  using Item = std::variant<wire::AdmissionAsk, wire::Opened, wire::Past, wire::SlotGrains, wire::SlotJournal, wire::SlotReceipt,
                            wire::SlotReturn, wire::SlotCall, wire::SlotMine, wire::SlotMineGet, wire::SlotClosed>;

  // A minion that holds a session with this syndic, or with one below.
  struct Behind {
    std::uint32_t slot = 0;
    engine::SessionOpened opened;
    std::optional<std::map<std::string, store::MineRecord>> mine;  // by name; what it has said that it has
  };
  struct Asked {
    engine::AdmissionRequest request;
    std::function<void(engine::Admission)> done;
  };
  // A key that a master has let in.
  struct Known {
    std::string public_key;
    std::uint64_t version = 0;
  };
  // By whose word returns of one minion are ours that came before its present session here.
  struct PastSlot {
    std::uint32_t slot = 0;
    std::size_t in_flight = 0;
  };
  struct InFlight {
    std::uint64_t position = 0;
    std::size_t bytes = 0;
  };

  void on_admit(engine::AdmissionRequest request, std::function<void(engine::Admission)> done);
  engine::Admission admit_alone(const engine::AdmissionRequest& request);
  void on_session_opened(engine::SessionOpened opened);
  void on_session_closed(engine::SessionRef session, engine::EndReason reason);
  void on_returns(std::vector<engine::PendingReturn> returns);
  void on_mine_changed(engine::SessionRef session, store::MineChange change);
  void on_mine_get(engine::SessionRef session, engine::MineQuery query, std::function<void(std::string, std::string)> done);
  void on_call(const MinionId& id, front::CallReport report, std::function<void(JobId, std::string)> done);
  Behind* behind(engine::SessionRef session);
  void report(const Behind& minion);
  void push(Item item);
  void send_return(const store::SpooledReturn& value);
  std::optional<std::uint32_t> slot_for(const store::SpooledReturn& value);
  void refill();
  bool window_open() const { return in_flight_.size() < options_.window && in_flight_bytes_ < options_.window_bytes; }
  void settle(std::uint32_t slot, const JobId& jid, bool acknowledged, std::vector<std::uint64_t>& erased);
  void take_answer(wire::AdmissionAnswer&& answer);
  Status take_job(wire::RelayedJob&& job);
  void take_end(wire::SlotEnd&& end);
  void drop_past(std::uint32_t slot);

  const Parts parts_;
  const RelayOptions options_;
  std::atomic<std::size_t> returns_waiting_{0};  // given to the loop, not to the spool

  bool up_ = false;
  std::optional<store::Attachment> own_;  // to be sent first
  MonoTime cut_off_since_{};
  std::uint32_t last_slot_ = 0;
  std::uint32_t last_number_ = 0;
  std::deque<Item> queue_;
  std::unordered_map<MinionId, Behind> minions_;
  std::map<engine::SessionRef, std::pair<MinionId, wire::Chain>> sources_;  // of returns: every session and past slot below
  std::unordered_map<std::uint32_t, MinionId> slots_;                       // of minions_
  std::map<std::uint32_t, Asked> asked_;
  std::map<std::uint32_t, std::function<void(JobId, std::string)>> calls_;
  std::map<std::uint32_t, std::function<void(std::string, std::string)>> mine_gets_;
  std::unordered_map<MinionId, Known> known_;
  std::map<std::string, PastSlot> past_;  // by chain
  std::unordered_map<std::uint32_t, decltype(past_)::iterator> past_by_slot_;
  std::map<std::pair<std::uint32_t, JobId>, InFlight> in_flight_;
  std::size_t in_flight_bytes_ = 0;
  std::uint64_t sent_up_to_ = 0;  // position in the spool, in this session
  bool caught_up_ = false;        // everything in the spool has been sent
};

}  // namespace brine::syndic
