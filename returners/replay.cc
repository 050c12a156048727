#include "returners/replay.h"

#include <nlohmann/json.hpp>

namespace brine::returners {
namespace {

// How far it has come: the job, and its minion after which it goes on. No job: it begins.
struct Order {
  UnixMicros id = 0;
  UnixMicros since = 0;
  std::string job;
  std::string function;
  std::string after;
};

std::string text_of(const Order& order) {
  return nlohmann::json{{"id", order.id}, {"since", order.since}, {"job", order.job}, {"fun", order.function}, {"after", order.after}}
      .dump();
}

Result<Order> parse(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto strange = [&] { return fail(Code::kInvalid, "'" + text + "' is no order to replay"); };
  if (!json.is_object()) return strange();
  for (const char* name : {"id", "since"}) {
    if (!json.contains(name) || !json[name].is_number_integer()) return strange();
  }
  for (const char* name : {"job", "fun", "after"}) {
    if (!json.contains(name) || !json[name].is_string()) return strange();
  }
  return Order{json["id"], json["since"], json["job"], json["fun"], json["after"]};
}

// The newest job that is older than this one, and not older than the order asks; false: there is none.
Result<bool> go_to_next_job(const store::StateStore& store, Order& order) {
  store::JobQuery query{.before = JobId::trusted(order.job), .max = 1};
  BRINE_LET(store::JobPage page, store.list_jobs(query));
  while (page.jobs.empty() && !page.next.empty()) {
    query.before = page.next;
    BRINE_LET(page, store.list_jobs(query));
  }
  if (page.jobs.empty() || page.jobs.front().issued < order.since) return false;
  order.job = page.jobs.front().jid.str();
  order.function = page.jobs.front().function;
  order.after.clear();
  return true;
}

}  // namespace

std::string replay_setting(const std::string& returner) { return "returner.replay." + returner; }

std::string replay_order(UnixMicros since, UnixMicros now) { return text_of({.id = now, .since = since}); }

UnixMicros replay_id(const std::string& order) {
  const auto parsed = parse(order);
  return parsed ? parsed->id : 0;
}

Result<ReplayPage> replay_page(const store::StateStore& store, const std::string& text, std::size_t max) {
  BRINE_LET(Order order, parse(text));
  ReplayPage page;
  bool more = !order.job.empty();
  if (!more) {
    BRINE_LET(more, go_to_next_job(store, order));
  }
  while (more && page.entries.size() < max) {
    const std::size_t wanted = max - page.entries.size();
    BRINE_LET(auto returns, store.returns_of(JobId::trusted(order.job), MinionId::trusted(order.after), wanted));
    for (store::ReturnRecord& value : returns) page.entries.push_back({.function = order.function, .value = std::move(value)});
    if (returns.size() == wanted) {
      order.after = page.entries.back().value.minion.str();
    } else {
      BRINE_LET(more, go_to_next_job(store, order));
    }
  }
  if (more) page.rest = text_of(order);
  return page;
}

}  // namespace brine::returners
