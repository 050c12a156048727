// What the front asks of whatever stands behind it: the engine in a master, the relay in a syndic.
// Thread-safe; never blocks. Callbacks may come on any thread; the front brings them back to its loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/session.h"
#include "store/records.h"

namespace brine::front {

inline constexpr std::size_t kMaxGrains = 256U << 10;  // bytes of JSON, of one minion

struct CallReport {
  std::string function;
  std::string arguments;
  store::ReturnRecord result;
};

class Upstream {
 public:
  virtual ~Upstream() = default;
  virtual void admit(engine::AdmissionRequest request, std::function<void(engine::Admission)> done) = 0;
  virtual void session_opened(engine::SessionOpened opened) = 0;
  virtual void session_closed(engine::SessionRef session, engine::EndReason reason) = 0;
  virtual void receipt(engine::SessionRef session, JobId jid, engine::Receipt receipt) = 0;
  virtual void journal_at(engine::SessionRef session, engine::JournalPosition position) = 0;
  virtual void grains_changed(engine::SessionRef session, MinionId id, std::string grains) = 0;
  // What the minion says that it has in the mine.
  virtual void mine_changed(engine::SessionRef session, MinionId id, store::MineChange change) = 0;
  // What others have there, as far as this minion may read it: one JSON object {id: value}, or an error for people.
  virtual void mine_get(engine::SessionRef session, MinionId id, engine::MineQuery query,
                        std::function<void(std::string json, std::string error)> done) = 0;
  // False: no room; the front keeps them and stops reading until they are taken.
  virtual bool returns(std::vector<engine::PendingReturn>&& returns) = 0;
  // A syndic's connection; what is behind it comes as sessions with slots.
  virtual void gateway_opened(engine::GatewayOpened opened) = 0;
  virtual void gateway_closed(engine::SessionRef session) = 0;
  // Until when what comes by this slot counts, as Engine::judge_chain. The slot ends with session_closed().
  virtual void judge_chain(engine::SessionRef slot, std::vector<store::Attachment> chain, std::function<void(UnixMicros)> done) = 0;
  // error empty: recorded under jid.
  virtual void call(MinionId id, CallReport report, std::function<void(JobId jid, std::string error)> done) = 0;
};

}  // namespace brine::front
