// mine.*: what minions have published. The command line has mine.watch beside them (cli/mine_watch.h), which asks mine.entries.
#include <random>

#include "master/runners.h"

namespace brine::master {
namespace {

constexpr double kMicros = 1e6;

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump(); }

// A list of targets or names is one text, as the command line has it.
std::string joined(const Json& value) {
  if (!value.is_array()) return text_of(value);
  std::string all;
  for (const Json& item : value) all += (all.empty() ? "" : ",") + text_of(item);
  return all;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    names.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return names;
}

std::string kind_in(const Json& value) { return value.is_null() ? "glob" : text_of(value); }

Result<std::vector<engine::MineValue>> read(const RunnerContext& context, engine::MineQuery query) {
  std::promise<Result<std::vector<engine::MineValue>>> promise;
  auto answer = promise.get_future();
  context.engine.read_mine(std::move(query), [&](auto values) { promise.set_value(std::move(values)); });
  return answer.get();
}

bool flag_in(const Json& value) { return value.is_boolean() && value.get<bool>(); }

// For each name, or for the only one: {id: what of_value makes of it}.
template <typename OfValue>
Result<Json> collect(const RunnerContext& context, const RunnerCall& call, OfValue of_value) {
  const std::vector<std::string> names = split(joined(call.get(1, "fun")));
  Json all = Json::object();
  for (const std::string& name : names) {
    BRINE_LET(const auto values,
              read(context, {kind_in(call.get(2, "tgt_type")), joined(call.get(0, "tgt")), ':', name, flag_in(call.get(3, "settled"))}));
    Json found = Json::object();
    for (const engine::MineValue& value : values) found[value.id.str()] = of_value(value);
    if (names.size() == 1) return found;
    all[name] = std::move(found);
  }
  return all;
}

Result<Json> get(const RunnerContext& context, const RunnerCall& call) {
  return collect(context, call, [](const engine::MineValue& value) { return Json::parse(value.value, nullptr, false); });
}

Result<Json> entries(const RunnerContext& context, const RunnerCall& call) {
  const UnixMicros now = context.clock.unix_now();
  return collect(context, call, [now](const engine::MineValue& value) {
    return Json{{"value", Json::parse(value.value, nullptr, false)},
                {"present", value.present},
                {"age_seconds", static_cast<double>(std::max<UnixMicros>(0, now - value.changed)) / kMicros},
                {"allow", value.allow}};
  });
}

Result<Json> update(const RunnerContext& context, const RunnerCall& call) {
  engine::Submission submission;
  std::random_device random;
  for (std::uint8_t& byte : submission.id.bytes) byte = static_cast<std::uint8_t>(random());
  submission.target = joined(call.get(0, "tgt"));
  submission.target_kind = kind_in(call.get(1, "tgt_type"));
  submission.function = "mine.update";
  submission.arguments = R"({"args":[],"kwargs":{}})";
  submission.user = "brine-run";
  std::promise<Result<engine::Submitted>> promise;
  auto answer = promise.get_future();
  context.engine.submit(std::move(submission), nullptr, [&](Result<engine::Submitted> result) { promise.set_value(std::move(result)); });
  BRINE_LET(const engine::Submitted submitted, answer.get());
  return Json{{"jid", submitted.jid.str()}, {"minions", submitted.expected}};
}

}  // namespace

void add_mine_runners(Runners& runners, const RunnerContext& context) {
  runners.add({"mine.get",
               "mine.get(tgt, fun, [tgt_type=glob])",
               2,
               {"tgt", "fun", "tgt_type"},
               "What minions have published under a name, or under several (a,b): mine.get 'web*' addr.",
               [context](const RunnerCall& call) { return get(context, call); }});
  runners.add(
      {"mine.entries",
       "mine.entries(tgt, fun, [tgt_type=glob], [settled=False])",
       2,
       {"tgt", "fun", "tgt_type", "settled"},
       "As mine.get, with whether the minion is present, the age of the value, and who may read it. With settled=True a master that "
       "has just started gives no answer until the minions had time to come back.",
       [context](const RunnerCall& call) { return entries(context, call); }});
  runners.add({"mine.update",
               "mine.update(tgt, [tgt_type=glob])",
               1,
               {"tgt", "tgt_type"},
               "Has minions run their mine_functions now: a job, whose jid it answers.",
               [context](const RunnerCall& call) { return update(context, call); }});
}

}  // namespace brine::master
