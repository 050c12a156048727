// The native protocol towards minions, in one loop of a Face: handshakes, sessions, and translation between sealed frames and an
// Upstream. docs/wire-format.md is its specification.
//
// Acknowledgements wait for up to FrontContext::acknowledge_after, to share a write with whatever goes to the same minion next: the
// minion only keeps its copy of a return a little longer. Those of a return that came again are sent at once.
//
// Confined to its loop, except deliver(), acknowledge() and end_session(), which front/gateway.h posts to it.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "engine/ports.h"
#include "front/admission.h"
#include "front/mine_allowance.h"
#include "front/prepared_jobs.h"
#include "front/relay_port.h"
#include "front/upstream.h"
#include "net/face.h"
#include "net/face_loop.h"
#include "net/handshake.h"
#include "wire/session.h"

namespace brine::front {

// Why a handshake came to nothing, busyness aside. Bounded: it is a label of metrics.
enum class HandshakeFailure : std::uint8_t { kVersion, kOtherCluster, kMalformed, kUnproven };

struct FrontCounters {
  std::atomic<std::uint64_t> handshakes_full{0};
  std::atomic<std::uint64_t> handshakes_resumed{0};
  std::array<std::atomic<std::uint64_t>, 4> handshakes_failed{};  // by HandshakeFailure
  std::array<std::atomic<std::uint64_t>, 5> admissions{};         // by engine::Verdict, after a handshake
  std::atomic<std::uint64_t> handshakes_busy{0};
  std::atomic<std::uint64_t> sessions_broken{0};  // replayed, altered, malformed
  std::atomic<std::uint64_t> deliveries{0};
  RelayCounters relay;
  std::array<std::atomic<std::int64_t>, 4> handshakes_waiting{};  // by lane of Admission, and second halves; all loops
};

// Shared by the fronts of all loops; immutable but for what is atomic.
struct FrontContext {
  Upstream* upstream = nullptr;
  net::TicketKeeper* tickets = nullptr;
  const Clock* clock = nullptr;
  AdmissionOptions admission;
  milliseconds heartbeat{5'000};
  milliseconds heartbeat_timeout{12'000};
  std::size_t max_message = 16U << 20;
  std::size_t held_returns = 1'024;  // per loop, before they are handed over or reading stops
  milliseconds acknowledge_after{1'000};
  std::atomic<std::shared_ptr<const std::vector<std::string>>> masters;  // host:port, told to minions; null: as they are configured
  std::string address;                                                   // of this master among them; set before it serves
  std::atomic<bool> serves{true};                                        // as one of them: told to those that ask
  bool syndic = false;                                                   // whether minions are asked for their word (net/attachment.h)
  bool compress = true;                                                  // what goes to syndics
  std::atomic<std::shared_ptr<const net::ServerIdentity>> identity;
  FrontCounters counters;
};

class MinionFront final : public net::FaceHandler {
 public:
  MinionFront(net::FaceLoop& loop, std::shared_ptr<FrontContext> context);

  void on_open(net::ConnectionId connection, const net::Peer& peer) override;
  bool takes(net::ConnectionId connection) override;
  void on_message(net::ConnectionId connection, std::string_view message) override;
  void on_close(net::ConnectionId connection) override;
  void on_turn() override;
  bool has_work() const override { return door_.waiting() > 0 || !finishes_.empty() || more_acks_due_; }

  void deliver(const PreparedJob& ready, const store::JobRecord& job, const std::vector<engine::Gateway::Recipient>& recipients);
  void deliver_proven(std::string_view signed_job, const std::vector<ProvenRecipient>& recipients);
  void acknowledge(std::vector<engine::Gateway::Acknowledgement> list);
  void end_session(engine::SessionRef session, engine::GoodbyeReason reason, std::string text);
  // To every open session.
  void show_manifest(const std::string& signed_manifest);
  void show_masters(const std::vector<std::string>& masters);
  // Tells everyone that the master stops.
  void say_stopping();

 private:
  enum class Stage : std::uint8_t { kHello, kQueued, kFinish, kFinishQueued, kAdmitting, kStatus, kOpen, kCall, kRelay };
  struct Session {
    net::Peer peer;
    Stage stage = Stage::kHello;
    std::unique_ptr<net::ServerHandshake> handshake;
    std::string finish;  // while it is queued
    std::optional<net::SessionCipher> cipher;
    std::optional<net::ServerHandshake::Peer> proven;  // until welcomed
    MinionId id;
    std::string key;                   // kept where the minion's word is asked for
    wire::Behind behind;               // that word
    std::unique_ptr<RelayPort> relay;  // of a syndic
    std::uint64_t instance = 0;
    std::uint64_t key_version = 0;  // that was accepted
    bool left = false;
    std::vector<JobId> acks;  // not sent yet
    MineAllowance mine;
  };

  void on_hello(net::ConnectionId id, Session& session, std::string_view body);
  void serve_handshakes();
  bool serve_next_handshake();
  void count_waiting();
  void reply(net::ConnectionId id, Session& session);
  void finish(net::ConnectionId id, Session& session);
  void on_admission(net::ConnectionId id, const engine::Admission& admission);
  void on_sealed(net::ConnectionId id, Session& session, std::string_view body);
  void on_session_message(net::ConnectionId id, Session& session, wire::SessionMessage&& message);
  void on_status(net::ConnectionId id, Session& session, wire::Status&& status);
  std::vector<engine::SessionRef> open_sessions() const;
  void on_return(net::ConnectionId id, Session& session, wire::Return&& message);
  void on_call(net::ConnectionId id, Session& session, wire::CallReport&& report);
  void open_relay(net::ConnectionId id, Session& session, std::string key);
  void on_relayed(net::ConnectionId id, Session& session, const wire::Relayed& relayed);
  RelayPort* relay_of(net::ConnectionId id);
  void flush_relay(net::ConnectionId id);
  void flush_relays();
  void on_mine_change(net::ConnectionId id, Session& session, wire::MineChange&& message);
  void on_mine_get(net::ConnectionId id, Session& session, wire::MineGet&& message);
  wire::Welcome welcome(const Session& session, const engine::Admission& admission);
  bool send(net::ConnectionId id, Session& session, const wire::SessionMessage& message);
  bool write(net::ConnectionId id, Session& session, const wire::SessionMessage& message);
  bool send_acks(net::ConnectionId id, Session& session);
  void send_due_acks();
  void fail_handshake(net::ConnectionId id, HandshakeFailure why, std::string_view text);
  void refuse(net::ConnectionId id, wire::RefusalCode code, milliseconds retry_after, std::string_view text);
  void broken(net::ConnectionId id, Session& session, std::string_view why);
  void hand_over_returns();
  Session* find(net::ConnectionId id);
  engine::SessionRef ref(net::ConnectionId id) const { return {static_cast<std::uint32_t>(loop_.index()), id.value}; }

  net::FaceLoop& loop_;
  const std::shared_ptr<FrontContext> context_;
  Admission door_;
  std::array<std::int64_t, 4> counted_waiting_{};  // this loop's part of FrontCounters::handshakes_waiting
  std::deque<net::ConnectionId> finishes_;         // second halves of handshakes that were let in: served before the door
  std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::vector<engine::PendingReturn> returns_;
  std::vector<net::ConnectionId> paused_;
  std::deque<std::pair<MonoTime, net::ConnectionId>> due_acks_;  // whose first one waits since when
  bool more_acks_due_ = false;
  std::vector<net::ConnectionId> relays_;  // of syndics
};

}  // namespace brine::front
