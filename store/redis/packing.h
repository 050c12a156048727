// Records as the byte strings that lie in Redis, and back. Integers little-endian, texts with their length in front.
// Decoders judge every length: whoever can write the Redis gets kCorrupt, not our memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/records.h"
#include "store/state_store.h"

namespace brine::store::redis {

// Of a return: what the stored value holds. The time of arrival comes first (8 bytes): the rest is what repetitions are compared by.
std::string pack_return(const ReturnRecord& value);
Result<ReturnRecord> unpack_return(const JobId& jid, const MinionId& minion, std::string_view packed);

std::string pack_key(const KeyRecord& key);
Result<KeyRecord> unpack_key(const MinionId& id, std::string_view packed);

// What a list of jobs shows, apart from the number of returns.
std::string pack_summary(const JobRecord& job);
Result<JobSummary> unpack_summary(const JobId& jid, std::string_view packed);

// What pack_summary leaves out, apart from expected minions and submission.
std::string pack_rest(const JobRecord& job);
Status unpack_rest(std::string_view packed, JobRecord& job);

std::string pack_mark(const JournalMark& mark);
Result<JournalMark> unpack_mark(const MinionId& id, std::string_view packed);

// A list of names: minions, settings.
std::string pack_names(const std::vector<std::string>& names);
Result<std::vector<std::string>> unpack_names(std::string_view packed);

}  // namespace brine::store::redis
