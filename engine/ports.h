// What the engine needs from outside, as it names it. The master's composition root provides it; tests provide fakes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/join_token.h"
#include "base/result.h"
#include "engine/session.h"
#include "store/records.h"

namespace brine::engine {

enum class GoodbyeReason : std::uint8_t { kKeyChanged, kDisplaced, kStopping };

// The way to the minions. Thread-safe; never blocks: work is handed to the loops that own the sessions.
class Gateway {
 public:
  virtual ~Gateway() = default;

  struct Recipient {
    SessionRef session;
    std::uint32_t index = 0;  // of the minion in job->expected
  };
  virtual void deliver(std::shared_ptr<const store::JobRecord> job, std::vector<Recipient> recipients) = 0;
  // The returns of these jobs are stored and synced.
  struct Acknowledgement {
    SessionRef session;
    std::vector<JobId> jids;
    bool at_once = false;  // one of them came again: the acknowledgement before did not arrive
  };
  virtual void acknowledge(std::vector<Acknowledgement> list) = 0;
  virtual void end_session(SessionRef session, GoodbyeReason reason, std::string text) = 0;
  // Nothing more of this job will be delivered: what was kept for it can go.
  virtual void job_closed(const JobId& jid) = 0;
};

// Signs in the name of this master. Thread-safe.
class Notary {
 public:
  virtual ~Notary() = default;
  // Fills signed_job and signature from the other fields.
  virtual Status sign_job(store::JobRecord& job) = 0;
  // Key-state records (engine/key_authority.h gives the text that is signed).
  virtual void sign_key(std::string_view text, std::string& signer, std::string& signature) = 0;
  // Join tokens and whatever else is signed with a label of its own go the same way.
  virtual bool verify_key(std::string_view text, const std::string& signer, const std::string& signature) const = 0;
  // Whether this is the hash that is kept of the token's secret. Takes the same time for all secrets.
  virtual bool fits(const JoinToken& token, std::string_view hash) const = 0;
};

// Whether an event is of this master, or one of the others' that it has heard of.
enum class Origin : std::uint8_t { kHere, kElsewhere };

// The event bus. Thread-safe; never blocks, a slow subscriber loses events (counted).
class EventSink {
 public:
  virtual ~EventSink() = default;
  // False when nobody listens: the caller need not make the text.
  virtual bool wanted() const = 0;
  // Of the events that tell of a return, of which there are far more than of all others.
  virtual bool wants_returns() const { return wanted(); }
  virtual void publish(std::string_view tag, std::string json, Origin origin) = 0;
};

}  // namespace brine::engine
