// Records as the byte strings that lie in Redis, and back. Integers little-endian, texts with their length in front.
// Decoders judge every length: whoever can write the Redis gets kCorrupt, not our memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/records.h"
#include "store/shared_store.h"

namespace brine::store::redis {

// Of a return: what the stored value holds. The time of arrival comes first (8 bytes): the rest is what repetitions are compared by.
// Outcome and success (a byte each) follow: the script that keeps returns counts failures by them.
std::string pack_return(const ReturnRecord& value);
Result<ReturnRecord> unpack_return(const JobId& jid, const MinionId& minion, std::string_view packed);

// Of an event: time and data; its id and tag lie beside it.
std::string pack_event(const EventRecord& event);
Result<EventRecord> unpack_event(std::string id, std::string tag, std::string_view packed);

// The script that counts uses of tokens reads the state (a byte) and, from byte 25 on, the public key with its length.
std::string pack_key(const KeyRecord& key);
Result<KeyRecord> unpack_key(const MinionId& id, std::string_view packed);

// Without id and uses that were counted.
std::string pack_token(const TokenRecord& token);
Result<TokenRecord> unpack_token(std::string id, std::string_view packed);

// What a list of jobs shows, apart from the number of returns.
std::string pack_summary(const JobRecord& job);
Result<JobSummary> unpack_summary(const JobId& jid, std::string_view packed);

// What pack_summary leaves out, apart from expected minions and submission.
std::string pack_rest(const JobRecord& job);
Status unpack_rest(std::string_view packed, JobRecord& job);

std::string pack_mark(const JournalMark& mark);
Result<JournalMark> unpack_mark(const MinionId& id, std::string_view packed);

// Without id and name.
std::string pack_mine(const MineRecord& entry);
Result<MineRecord> unpack_mine(const MinionId& id, std::string name, std::string_view packed);

std::string pack_card(const MasterCard& card);
Result<MasterCard> unpack_card(std::string_view packed);

// Without id and generation.
std::string pack_presence(const Presence& presence);
Result<Presence> unpack_presence(const MinionId& id, std::uint64_t generation, std::string_view packed);

// Places among the expected minions of jobs.
using Places = std::map<JobId, std::vector<std::uint32_t>>;
std::string pack_places(const Places& places);
// Adds to what is there.
Status unpack_places(std::string_view packed, Places& places);

// 20 digits, so that texts compare as numbers.
std::string padded(std::uint64_t number);

// A list of names: minions, settings.
std::string pack_names(const std::vector<std::string>& names);
Result<std::vector<std::string>> unpack_names(std::string_view packed);

}  // namespace brine::store::redis
