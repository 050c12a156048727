// The names of all keys in Redis, in one place. README.md says what each holds.
//
// Two hash tags: what must change together lies in one slot. The second one is that of a job's record, returns and outbox, so that
// these may one day be spread over several (state.partitions; today there is one).
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "store/job_query.h"

namespace brine::store::redis {

// What all of them begin with.
inline constexpr std::string_view kKeyPrefix = "brine:{";

struct Layout {
  explicit Layout(std::string_view cluster)
      : shared(std::string(kKeyPrefix).append(cluster) + "}:"), part(std::string(kKeyPrefix).append(cluster) + ":00}:") {}

  std::string shared;
  std::string part;

  std::string store{shared + "store"};  // format and epoch
  std::string counters{shared + "counters"};
  std::string feed{shared + "feed"};
  std::string jobs{shared + "jobs"};
  std::string open{shared + "open"};
  std::string forget{shared + "forget"};
  std::string submission{shared + "submission:"};  // a prefix
  std::string keys{shared + "keys"};
  std::string tokens{shared + "tokens"};
  std::string tokens_left{shared + "tokens.left"};
  std::string grains{shared + "grains"};
  std::string journals{shared + "journals"};
  std::string mine{shared + "mine"};           // the minions that have entries
  std::string mine_entries{shared + "mine:"};  // a prefix
  std::string settings{shared + "settings"};
  std::string news{shared + "news"};
  std::string masters{shared + "masters"};
  std::string lease{shared + "lease:"};  // a prefix
  std::string presence{shared + "presence"};
  std::string jobs_by{shared + "jobs.by:"};  // a prefix

  std::string job{part + "job:"};          // a prefix
  std::string returns{part + "returns:"};  // a prefix
  std::string failed{part + "failed"};
  std::string outbox{part + "outbox"};
  std::string outbox_state{part + "outbox.state"};
  std::string returners{part + "returners"};
  std::string returned{part + "returned"};
};

// What follows jobs_by: the index of one function, user or target, over the beginning of a long one.
inline std::string index_name(std::string_view what, std::string_view value) {
  return std::string(what) + ':' + std::string(value.substr(0, kIndexedLength));
}

}  // namespace brine::store::redis
