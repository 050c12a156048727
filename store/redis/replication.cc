#include "store/redis/replication.h"

#include <string>

namespace brine::store::redis {

Status wait_for_replicas(Connection& connection, const Layout& layout, int replicas, milliseconds patience) {
  if (replicas == 0) return {};
  connection.add({"HINCRBY", layout.counters, "confirmed", "1"});
  connection.add({"WAIT", std::to_string(replicas), std::to_string(patience.count())});
  BRINE_TRY(connection.set_patience(2 * patience));
  BRINE_TRY(connection.next());
  BRINE_LET(const Reply reply, connection.next());
  BRINE_TRY(connection.set_patience(patience));
  const std::int64_t confirmed = reply.view().integer().value_or(0);
  if (confirmed >= replicas) return {};
  return fail(Code::kBusy, "redis " + connection.address() + ": " + std::to_string(confirmed) +
                               " replicas have confirmed what was written, " + std::to_string(replicas) +
                               " have to (state.durability: replicated)");
}

}  // namespace brine::store::redis
