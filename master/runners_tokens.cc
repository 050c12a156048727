// key.token_*: join tokens, as brine-key makes, lists and deletes them.
#include <future>

#include "base/bytes.h"
#include "base/join_token.h"
#include "config/units.h"
#include "master/notary.h"
#include "master/runners.h"
#include "net/crypto.h"
#include "target/expression.h"

namespace brine::master {
namespace {

constexpr std::int64_t kMostUses = 1'000'000;
constexpr milliseconds kLongestLife{365LL * 86'400'000};

Result<milliseconds> life_of(const Json& expires) {
  if (expires.is_null()) return milliseconds(3'600'000);
  const auto life = config::parse_duration(expires.is_string() ? expires.get<std::string>() : expires.dump());
  if (!life || *life < milliseconds(1'000) || *life > kLongestLife)
    return fail(Code::kInvalid, "'expires' is a time from 1s to 365d, such as 24h, not " + expires.dump());
  return *life;
}

Result<std::uint32_t> uses_of(const Json& uses) {
  if (uses.is_null()) return 1;
  if (!uses.is_number_integer() || uses.get<std::int64_t>() < 1 || uses.get<std::int64_t>() > kMostUses)
    return fail(Code::kInvalid, "'uses' is a number from 1 to 1000000, not " + uses.dump());
  return uses.get<std::uint32_t>();
}

Result<std::string> glob_of(const Json& match) {
  if (match.is_null()) return std::string("*");
  std::string glob = match.is_string() ? match.get<std::string>() : match.dump();
  BRINE_TRY(target::parse(target::Kind::kGlob, glob));
  return glob;
}

Status wait_for(const std::function<void(std::function<void(Status)>)>& ask) {
  std::promise<Status> promise;
  auto answer = promise.get_future();
  ask([&](Status status) { promise.set_value(std::move(status)); });
  return answer.get();
}

Json describe(const store::TokenRecord& token, UnixMicros now) {
  return {{"match", token.match},
          {"ephemeral", token.kind == store::KeyKind::kEphemeral},
          {"uses", token.uses},
          {"used", token.used},
          {"created", token.created / 1'000'000},
          {"expires", token.not_after / 1'000'000},
          {"state", now > token.not_after      ? "expired"
                    : token.used >= token.uses ? "used up"
                                               : "good"}};
}

Result<Json> create(const RunnerContext& context, const RunnerCall& call) {
  store::TokenRecord record;
  BRINE_LET(record.uses, uses_of(call.get(0, "uses")));
  BRINE_LET(const milliseconds life, life_of(call.get(1, "expires")));
  const Json ephemeral = call.get(2, "ephemeral");
  if (!ephemeral.is_null() && !ephemeral.is_boolean()) return fail(Code::kInvalid, "'ephemeral' is true or false");
  if (ephemeral.is_boolean() && ephemeral.get<bool>()) record.kind = store::KeyKind::kEphemeral;
  BRINE_LET(record.match, glob_of(call.get(3, "match")));
  const JoinToken token{to_hex(net::random_bytes(JoinToken::kIdBytes)), to_hex(net::random_bytes(JoinToken::kSecretBytes))};
  record.id = token.id;
  record.secret_hash = hash_of(token);
  record.created = context.clock.unix_now();
  record.not_after = record.created + life.count() * 1000;
  BRINE_TRY(wait_for([&](auto done) { context.engine.create_token(record, std::move(done)); }));
  Json made = describe(record, record.created);
  made["id"] = token.id;
  made["token"] = token.text();
  return made;
}

// As the store has them: uses are counted there.
Result<Json> list(const RunnerContext& context) {
  BRINE_LET(const std::vector<store::TokenRecord> records, context.engine.store().tokens());
  return ask<Json>(context.engine, [&](const engine::Engine::View& view) {
    Json tokens = Json::object();
    for (const store::TokenRecord& record : records) {
      if (view.tokens.knows(record.id)) tokens[record.id] = describe(record, context.clock.unix_now());
    }
    return tokens;
  });
}

Result<Json> forget(const RunnerContext& context, const RunnerCall& call) {
  const Json id = call.get(0, "id");
  const std::string text = id.is_string() ? id.get<std::string>() : id.dump();
  if (!JoinToken::is_id(text)) return fail(Code::kInvalid, "the id of a join token is its 16 digits before the '.'");
  BRINE_TRY(wait_for([&](auto done) { context.engine.forget_token(text, std::move(done)); }));
  return Json{{"id", text}};
}

}  // namespace

void add_token_runners(Runners& runners, const RunnerContext& context) {
  runners.add({"key.token_create",
               "key.token_create([uses=1], [expires=1h], [ephemeral=false], [match=*])",
               0,
               {"uses", "expires", "ephemeral", "match"},
               "Makes a join token and shows it, once: it lets the keys of so many minions in whose ids match the glob.",
               [context](const RunnerCall& call) { return create(context, call); }});
  runners.add({"key.token_list", "key.token_list()", 0, {}, "Join tokens by id, without their secrets.", [context](const RunnerCall&) {
                 return list(context);
               }});
  runners.add({"key.token_delete",
               "key.token_delete(id)",
               1,
               {"id"},
               "Forgets a join token; keys that it has let in stay.",
               [context](const RunnerCall& call) { return forget(context, call); }});
}

}  // namespace brine::master
