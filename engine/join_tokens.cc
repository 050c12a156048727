#include "engine/join_tokens.h"

#include "base/bytes.h"
#include "base/join_token.h"
#include "base/log.h"
#include "target/glob.h"

namespace brine::engine {
namespace {

constexpr std::size_t kMaxTokens = 10'000;
constexpr std::size_t kMaxTold = 10'000;
constexpr seconds kKeptExpired{3'600};

bool matches(const std::string& glob, const MinionId& id) {
  const auto compiled = target::Glob::compile(glob, target::Case::kSensitive);
  return compiled && compiled->matches(id.str());
}

}  // namespace

std::string_view to_string(TokenOutcome outcome) {
  switch (outcome) {
    case TokenOutcome::kUsed: return "used";
    case TokenOutcome::kUnknown: return "unknown";
    case TokenOutcome::kWrong: return "wrong";
    case TokenOutcome::kExpired: return "expired";
    case TokenOutcome::kOtherId: return "other_id";
    case TokenOutcome::kUsedUp: return "used_up";
    case TokenOutcome::kSyndic: return "syndic";
    case TokenOutcome::kPaused: break;
  }
  return "paused";
}

JoinTokens::JoinTokens(Ledger& ledger, Notary& notary, const Clock& clock, std::string cluster, Listener listener)
    : ledger_(ledger), notary_(notary), clock_(clock), cluster_(std::move(cluster)), listener_(std::move(listener)) {}

std::string JoinTokens::text_of(const store::TokenRecord& token) const {
  std::string text("brine-token-v1");
  const auto add = [&text](std::string_view part) {
    text.push_back('\0');
    text += part;
  };
  add(cluster_);
  add(token.id);
  add(to_hex(token.secret_hash));
  add(token.match);
  add(std::to_string(static_cast<int>(token.kind)));
  add(std::to_string(token.uses));
  add(std::to_string(token.created));
  add(std::to_string(token.not_after));
  return text;
}

void JoinTokens::load(const std::vector<store::TokenRecord>& records) {
  std::map<std::string, Known, std::less<>> all;
  for (const store::TokenRecord& token : records) {
    if (token.kind == store::KeyKind::kSyndic || !notary_.verify_key(text_of(token), token.signer, token.signature)) {
      log::error("the join token {} in the store is not signed by a master of this cluster: ignored", to_hex(token.id));
      continue;
    }
    all[token.id] = {token, token.used >= token.uses};
  }
  tokens_ = std::move(all);
}

void JoinTokens::create(store::TokenRecord token, std::function<void(Status)> done) {
  if (tokens_.size() >= kMaxTokens)
    return done(fail(Code::kBusy, fmt::format("there are {} join tokens: delete some (brine-key --token-list)", tokens_.size())));
  notary_.sign_key(text_of(token), token.signer, token.signature);
  const bool taken = ledger_.change_tokens({{token}, {}, [this, token, done](Status status) {
                                              post_([this, token, done, status = std::move(status)] {
                                                if (status) tokens_[token.id] = {token, false};
                                                done(status);
                                              });
                                            }});
  if (!taken) done(fail(Code::kBusy, "the ledger's queue is full; try again"));
}

void JoinTokens::forget(const std::string& id, std::function<void(Status)> done) {
  if (!knows(id)) return done(fail(Code::kNotFound, "there is no join token of this id: brine-key --token-list"));
  const bool taken = ledger_.change_tokens({{}, {id}, [this, id, done](Status status) {
                                              post_([this, id, done, status = std::move(status)] {
                                                if (status) tokens_.erase(id);
                                                done(status);
                                              });
                                            }});
  if (!taken) done(fail(Code::kBusy, "the ledger's queue is full; try again"));
}

const store::TokenRecord* JoinTokens::judge(const AdmissionRequest& request) {
  if (request.join_token.empty()) return nullptr;
  std::string id;
  const TokenOutcome outcome = judge(request, id);
  if (outcome == TokenOutcome::kUsed) return &tokens_.find(id)->second.record;
  tell(request, id, outcome);
  return nullptr;
}

TokenOutcome JoinTokens::judge(const AdmissionRequest& request, std::string& id) {
  if (guesses_.pauses(request.network, clock_.now())) return TokenOutcome::kPaused;
  const auto shown = JoinToken::parse(request.join_token);
  if (!shown) return TokenOutcome::kUnknown;
  id = shown->id;
  const auto found = tokens_.find(id);
  if (found == tokens_.end()) return TokenOutcome::kUnknown;
  const store::TokenRecord& token = found->second.record;
  if (!notary_.fits(*shown, token.secret_hash)) return TokenOutcome::kWrong;
  if (request.kind == store::KeyKind::kSyndic) return TokenOutcome::kSyndic;
  if (clock_.unix_now() > token.not_after) return TokenOutcome::kExpired;
  if (!matches(token.match, request.id)) return TokenOutcome::kOtherId;
  return found->second.used_up ? TokenOutcome::kUsedUp : TokenOutcome::kUsed;
}

void JoinTokens::used_up(const AdmissionRequest& request, const std::string& id) {
  if (const auto found = tokens_.find(id); found != tokens_.end()) found->second.used_up = true;
  tell(request, id, TokenOutcome::kUsedUp);
}

// A minion whose token is of no use any more shows it as often as it asks: that is told once.
void JoinTokens::tell(const AdmissionRequest& request, std::string_view id, TokenOutcome outcome) {
  counters_[static_cast<std::size_t>(outcome)].fetch_add(1, std::memory_order_relaxed);
  const std::string_view shown = id.empty() ? "of no known form" : id;
  const bool guess = outcome == TokenOutcome::kUnknown || outcome == TokenOutcome::kWrong;
  if (outcome == TokenOutcome::kUsed) {
    log::info("{} from {} joins with the token {}", request.id.str(), request.address, shown);
  } else if (outcome != TokenOutcome::kPaused && (guess || told_.insert(request.id).second)) {
    log::warning("{} from {} shows a join token that does not let it in ({}): {}", request.id.str(), request.address, shown,
                 to_string(outcome));
  }
  if (told_.size() >= kMaxTold) told_.clear();
  listener_(request, id, outcome);
  if (guess && guesses_.wrong(request.network, clock_.now()))
    log::warning("too many wrong join tokens from the network of {}: none from there is looked at for a while", request.address);
}

void JoinTokens::tick() {
  const UnixMicros before = clock_.unix_now() - kKeptExpired.count() * 1'000'000;
  std::vector<std::string> expired;
  for (const auto& [id, known] : tokens_) {
    if (known.record.not_after < before) expired.push_back(id);
  }
  if (expired.empty() || !ledger_.change_tokens({{}, expired, [](const Status&) {}})) return;
  for (const std::string& id : expired) tokens_.erase(id);
}

}  // namespace brine::engine
