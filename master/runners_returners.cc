// returners.*: where stored returns go, and how far they have come.
#include <algorithm>

#include "base/log.h"
#include "master/job_search.h"
#include "master/runners.h"
#include "returners/replay.h"

namespace brine::master {
namespace {

constexpr double kMicros = 1e6;

Result<const returners::Drain*> drain_named(const RunnerContext& context, const RunnerCall& call) {
  const Json wanted = call.get(0, "name");
  const std::string name = wanted.is_string() ? wanted.get<std::string>() : wanted.dump();
  std::string known;
  for (const auto& drain : context.drains) {
    if (drain->name() == name) return drain.get();
    known += (known.empty() ? "" : ", ") + drain->name();
  }
  return fail(Code::kNotFound, "there is no returner '" + name + "'; " + (known.empty() ? "none is configured" : "there are: " + known));
}

// What was counted was counted by this master; the others have their own.
Result<Json> status_of(const RunnerContext& context, const returners::Drain& drain, const store::OutboxUsage& usage) {
  const returners::DrainCounters& counters = drain.counters();
  const std::uint64_t position = counters.position;
  BRINE_LET(const auto order, context.engine.store().setting(returners::replay_setting(drain.name())));
  const UnixMicros oldest = counters.oldest;
  const std::uint64_t behind = usage.end > position ? std::min(usage.end - position, usage.entries) : 0;
  return Json{{"delivers", counters.delivers.load()},
              {"position", position},
              {"behind", behind},
              {"waits_seconds", oldest == 0 || behind == 0 ? 0.0 : static_cast<double>(context.clock.unix_now() - oldest) / kMicros},
              {"delivered", counters.delivered.load()},
              {"replayed", counters.replayed.load()},
              {"passed_over", counters.passed_over.load()},
              {"refused", counters.refused.load()},
              {"failures", counters.failures.load()},
              {"replaying", order.has_value()},
              {"trouble", drain.trouble()}};
}

Result<Json> status(const RunnerContext& context) {
  BRINE_LET(const store::OutboxUsage usage, context.engine.store().outbox_usage());
  Json all = Json::object();
  for (const auto& drain : context.drains) {
    BRINE_LET(all[drain->name()], status_of(context, *drain, usage));
  }
  return Json{{"outbox", {{"entries", usage.entries}, {"bytes", usage.bytes}, {"end", usage.end}}}, {"returners", std::move(all)}};
}

Result<Json> replay(const RunnerContext& context, const RunnerCall& call) {
  BRINE_LET(const returners::Drain* const drain, drain_named(context, call));
  const Json since = call.get(1, "since");
  const UnixMicros now = context.clock.unix_now();
  BRINE_LET(const UnixMicros from, parse_time(since.is_string() ? since.get<std::string>() : since.dump(), now));
  if (!context.engine.ledger().keep_setting(returners::replay_setting(drain->name()), returners::replay_order(from, now)))
    return fail(Code::kBusy, "the master is busy; try again");
  log::warning("returner {}: an operator asks for all returns since {} again", drain->name(), from);
  return Json{{"returner", drain->name()}, {"since", from}};
}

// The position up to which entries are put aside: of the next so many, or of all there are.
Result<std::uint64_t> skip_to(const RunnerContext& context, const returners::Drain& drain, const Json& count) {
  if (count.is_null()) {
    BRINE_LET(const store::OutboxUsage usage, context.engine.store().outbox_usage());
    return usage.end;
  }
  if (!count.is_number_unsigned() || count.get<std::uint64_t>() == 0 || count.get<std::uint64_t>() > 10'000)
    return fail(Code::kInvalid, "'count' is a number of entries from 1 to 10000; without it all that wait are skipped");
  BRINE_LET(const std::uint64_t stored, context.engine.store().returner_position(drain.name()));
  BRINE_LET(const auto entries,
            context.engine.store().outbox_after(std::max(stored, drain.counters().position.load()), count.get<std::size_t>()));
  return entries.empty() ? stored : entries.back().position;
}

Result<Json> skip(const RunnerContext& context, const RunnerCall& call) {
  BRINE_LET(const returners::Drain* const drain, drain_named(context, call));
  const Json reason = call.get(1, "reason");
  if (!reason.is_string() || reason.get<std::string>().empty()) return fail(Code::kInvalid, "'reason' says why, for the log");
  BRINE_LET(const std::uint64_t position, skip_to(context, *drain, call.get(2, "count")));
  if (!context.engine.ledger().returner_at(drain->name(), position)) return fail(Code::kBusy, "the master is busy; try again");
  log::error("returner {}: an operator has put aside what waits up to position {}: {}", drain->name(), position, reason.get<std::string>());
  return Json{{"returner", drain->name()}, {"position", position}};
}

}  // namespace

void add_returner_runners(Runners& runners, const RunnerContext& context) {
  runners.add(
      {"returners.status",
       "returners.status()",
       0,
       {},
       "For each returner: whether this master delivers to it, how far it is behind, since when its oldest return waits, what it has "
       "refused, and what is wrong.",
       [context](const RunnerCall&) { return status(context); }});
  runners.add(
      {"returners.replay",
       "returners.replay(name, since)",
       2,
       {"name", "since"},
       "Sends a returner again what the job records hold since a time: returners.replay kafka since=2h. It goes on in the background.",
       [context](const RunnerCall& call) { return replay(context, call); }});
  runners.add({"returners.skip",
               "returners.skip(name, reason, [count])",
               2,
               {"name", "reason", "count"},
               "Gives up what a returner has not taken: all that waits now, or the next so many entries. The reason is logged.",
               [context](const RunnerCall& call) { return skip(context, call); }});
}

}  // namespace brine::master
