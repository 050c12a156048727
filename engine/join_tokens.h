// Join tokens: which there are, and whether what a minion shows is one of them.
//
// Confined to the engine's loop, but for the counters. What lets a minion in is the store, which counts the use together with the key
// (store::TokenUse): here is judged all that does not change. Records are signed by the master that made them over
//   "brine-token-v1" NUL cluster NUL id NUL hex(hash of the secret) NUL glob NUL kind NUL uses NUL created NUL not_after
// so that whoever can write the store can make none. Records that do not verify are ignored, and said so in the log.
//
// A source network that shows 20 wrong tokens within a minute (another secret, or none that there is) is not listened to for a minute: its
// minions wait as those without a token. Each master counts for itself, up to 4,096 networks.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/guess_limit.h"
#include "engine/ledger.h"
#include "engine/ports.h"
#include "engine/session.h"
#include "store/records.h"

namespace brine::engine {

// What became of a token that was shown. Bounded: it is a label of metrics.
enum class TokenOutcome : std::uint8_t { kUsed, kUnknown, kWrong, kExpired, kOtherId, kUsedUp, kSyndic, kPaused };
inline constexpr std::size_t kTokenOutcomes = 8;
std::string_view to_string(TokenOutcome outcome);

using TokenCounters = std::array<std::atomic<std::uint64_t>, kTokenOutcomes>;

class JoinTokens {
 public:
  // token: its id; empty when what was shown is of another form.
  using Listener = std::function<void(const AdmissionRequest& request, std::string_view token, TokenOutcome outcome)>;

  JoinTokens(Ledger& ledger, Notary& notary, const Clock& clock, std::string cluster, Listener listener);
  // How a completion on another thread comes back to the engine's loop.
  void set_post(std::function<void(std::function<void()>)> post) { post_ = std::move(post); }

  // All that the store holds.
  void load(const std::vector<store::TokenRecord>& records);
  // Signs it. kBusy: there are too many, or the ledger has no room. done is called on the engine's loop.
  void create(store::TokenRecord token, std::function<void(Status)> done);
  // kNotFound: there is none of this id.
  void forget(const std::string& id, std::function<void(Status)> done);

  // The token that the request shows, if it lets this minion in while a use is left; null, and told, if not. Null for a request without
  // one.
  const store::TokenRecord* judge(const AdmissionRequest& request);
  // What the store said to that.
  void used(const AdmissionRequest& request, const std::string& id) { tell(request, id, TokenOutcome::kUsed); }
  void used_up(const AdmissionRequest& request, const std::string& id);

  bool knows(const std::string& id) const { return tokens_.contains(id); }
  // Forgets tokens some time after they have expired.
  void tick();
  const TokenCounters& counters() const { return counters_; }

 private:
  struct Known {
    store::TokenRecord record;
    bool used_up = false;  // no use comes back: the store need not be asked again
  };

  std::string text_of(const store::TokenRecord& token) const;
  TokenOutcome judge(const AdmissionRequest& request, std::string& id);
  void tell(const AdmissionRequest& request, std::string_view id, TokenOutcome outcome);

  Ledger& ledger_;
  Notary& notary_;
  const Clock& clock_;
  const std::string cluster_;
  const Listener listener_;
  std::function<void(std::function<void()>)> post_;
  std::map<std::string, Known, std::less<>> tokens_;
  std::set<MinionId> told_;  // whose token was refused, other than for guessing
  GuessLimit guesses_{{}};
  TokenCounters counters_{};
};

}  // namespace brine::engine
