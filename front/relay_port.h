// One syndic's connection, as the loop that owns it sees it: translates between wire/relay.h and an Upstream that knows sessions only.
// Every minion behind the syndic is a session with a slot; what minions have signed (net/attachment.h) is verified here, whether their
// keys are accepted is judged upstream.
//
// What a syndic says of minions that are not behind it costs it the session or is refused, and nobody else anything. What goes to it is
// gathered during a turn of the loop and sent together.
// Confined to its loop.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/ports.h"
#include "front/mine_allowance.h"
#include "front/prepared_jobs.h"
#include "front/upstream.h"
#include "wire/relay.h"

namespace brine::front {

// For a job whose proof was made above.
struct ProvenRecipient {
  engine::SessionRef session;
  std::uint32_t index = 0;
  std::vector<std::string> proof;
};

// All syndics of all loops together. Sizes of messages, without what sealing adds.
struct RelayCounters {
  std::atomic<std::uint64_t> bytes_in{0};
  std::atomic<std::uint64_t> plain_in{0};  // before compression
  std::atomic<std::uint64_t> bytes_out{0};
  std::atomic<std::uint64_t> plain_out{0};
  std::atomic<std::uint64_t> returns{0};
  std::atomic<std::uint64_t> refused{0};  // sessions and returns that a syndic had no right to
};

class RelayPort {
 public:
  struct Peer {
    engine::SessionRef session;  // of the syndic itself: slot 0
    MinionId id;
    std::string key;
    std::string cluster_root;
  };
  struct Parts {
    Upstream& upstream;
    RelayCounters& counters;
    std::vector<engine::PendingReturn>& returns;  // what the loop hands over at the end of its turn
    // Runs work on this port, on its loop, if it is still there then. Thread-safe.
    std::function<void(std::function<void(RelayPort&)>)> post;
    std::function<UnixMicros()> unix_now;
    std::function<MonoTime()> now;
    std::function<std::string()> own_key;  // that this side has proven to the syndic
  };

  RelayPort(Parts parts, Peer peer) : parts_(std::move(parts)), peer_(std::move(peer)) {}

  // From the syndic. An error ends its session.
  Status take(const wire::Relayed& relayed);
  // Its connection is gone.
  void close();

  // From upstream. All recipients are behind this syndic.
  void deliver(const PreparedJob& ready, const store::JobRecord& job, const std::vector<engine::Gateway::Recipient>& recipients);
  void deliver_proven(std::string_view signed_job, const ProvenRecipient& recipient);
  void acknowledge(std::uint32_t slot, std::vector<JobId> jids);
  void end(std::uint32_t slot, wire::GoodbyeReason reason, std::string text);

  // What is to be sent next; none: nothing more.
  std::optional<wire::Relayed> next(bool compress);

 private:
  // A session of a minion with the syndic, or one that is over and has left returns behind.
  struct Slot {
    MinionId id;
    bool open = false;
    bool closing = false;  // it has ended, and is forgotten once upstream has judged
    // Until when the syndic may have taken its returns (Engine::judge_chain); none: upstream has not said so yet, and they wait.
    std::optional<UnixMicros> until;
    std::vector<store::ReturnRecord> waiting;
    MineAllowance mine;
  };

  Status take_up(wire::RelayUp&& message);
  void ask_admission(wire::AdmissionAsk&& ask);
  Status open(wire::Opened&& opened);
  Status open_past(wire::Past&& past);
  Result<Slot*> add_slot(std::uint32_t number, const MinionId& id);
  bool verify(std::uint32_t number, const wire::Chain& chain);
  void judge(std::uint32_t number, wire::Chain chain);
  void judged(std::uint32_t number, UnixMicros until);
  Status take_return(wire::SlotReturn&& value);
  void pass_on(std::uint32_t number, const Slot& slot, store::ReturnRecord&& record);
  void take_call(wire::SlotCall&& call);
  void take_mine(wire::SlotMine&& value);
  void take_mine_get(wire::SlotMineGet&& value);
  void close_slot(const wire::SlotClosed& closed);
  wire::Chain upwards(wire::Chain chain) const;
  std::vector<MinionId> path_of(const wire::Chain& chain) const;
  engine::SessionRef ref(std::uint32_t number) const { return {peer_.session.loop, peer_.session.connection, number}; }
  const Slot* open_slot(std::uint32_t number) const;

  const Parts parts_;
  const Peer peer_;
  std::unordered_map<std::uint32_t, Slot> slots_;
  std::size_t waiting_bytes_ = 0;          // of all slots
  std::optional<store::Attachment> link_;  // the syndic's own word, which a relay upstream passes on
  wire::RelayDown pending_;
};

}  // namespace brine::front
