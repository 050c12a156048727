#include "store/redis/scripts.h"

namespace brine::store::redis {
namespace {

// KEYS: record. ARGV: submission, life in ms, function, expected, summary, rest. 1: ours; 0: another submission holds this jid.
constexpr const char* kClaimText = R"(
local held = redis.call('HGET', KEYS[1], 's')
if held then return held == ARGV[1] and 1 or 0 end
redis.call('HSET', KEYS[1], 's', ARGV[1], 'f', ARGV[3], 'e', ARGV[4], 'm', ARGV[5], 'r', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
)";

// KEYS: counters, feed, jobs, open, forget, submission prefix, news, store, index prefix. ARGV: origin, epoch, then for each job: jid,
// submission, life in ms, not_after, forget_at, claimed, and the names of its three indexes. An index loses what is older than the oldest
// job, in portions, and lives as long as its jobs. Answers: end of the feed before and after, then for each job the jid that counts, or ''
// when its jid was taken.
constexpr const char* kPublishText = R"(
if redis.call('HGET', KEYS[8], 'epoch') ~= ARGV[2] then return redis.error_reply('FOREIGN another store, or none') end
local function digits(number) return string.format('%.0f', number) end
local head = redis.call('HMGET', KEYS[1], 'feed', 'jid', 'news')
local before, last, news = tonumber(head[1] or '0'), head[2] or '', tonumber(head[3] or '0')
local feed, answers = before, {}
local function index(key, jid, life, oldest)
  redis.call('ZADD', key, 0, jid)
  local stale = redis.call('ZRANGEBYLEX', key, '-', '(' .. oldest, 'LIMIT', 0, 100)
  if #stale > 0 then redis.call('ZREM', key, unpack(stale)) end
  if redis.call('PTTL', key) < tonumber(life) then redis.call('PEXPIRE', key, life) end
end
for i = 3, #ARGV, 9 do
  local jid, submission, life, claimed = ARGV[i], KEYS[6] .. ARGV[i + 1], ARGV[i + 2], ARGV[i + 5]
  local known = redis.call('GET', submission)
  if known then
    answers[#answers + 1] = known
  elseif claimed == '0' then
    answers[#answers + 1] = ''
  else
    feed = feed + 1
    redis.call('SET', submission, jid, 'PX', life)
    redis.call('XADD', KEYS[2], digits(feed) .. '-0', 'j', jid)
    redis.call('ZADD', KEYS[3], 0, jid)
    redis.call('ZADD', KEYS[4], ARGV[i + 3], jid)
    redis.call('ZADD', KEYS[5], ARGV[i + 4], jid .. ARGV[i + 1] .. digits(feed))
    local oldest = redis.call('ZRANGE', KEYS[3], 0, 0)[1]
    for name = i + 6, i + 8 do index(KEYS[9] .. ARGV[name], jid, life, oldest) end
    if jid > last then last = jid end
    answers[#answers + 1] = '+'
  end
end
if feed > before then
  redis.call('HSET', KEYS[1], 'feed', digits(feed), 'jid', last, 'news', digits(news + 1))
  redis.call('XADD', KEYS[7], 'MAXLEN', '~', 20000, digits(news + 1) .. '-0', 'o', ARGV[1], 'f', '1')
end
return {digits(before), digits(feed), answers}
)";

// KEYS: outbox, outbox state, record prefix, returns prefix, returned, failed. ARGV: origin, notice, epoch, then for each return: jid,
// number of the minion
// ('' when the caller found no record), minion, value. Answers a letter for each: First, Repeated, Conflict, Late, ? (there is a record).
constexpr const char* kReturnsText = R"(
local function digits(number) return string.format('%.0f', number) end
local head = redis.call('HMGET', KEYS[2], 'end', 'end_bytes', 'notices', 'epoch')
if head[4] ~= ARGV[3] then return redis.error_reply('FOREIGN another store, or none') end
local position, bytes, notices = tonumber(head[1] or '0'), tonumber(head[2] or '0'), tonumber(head[3] or '0')
local function append(jid, minion, fun, late, value)
  position = position + 1
  bytes = bytes + 64 + #value + #minion + #fun
  redis.call('XADD', KEYS[1], digits(position) .. '-0', 'j', jid, 'm', minion, 'f', fun, 'l', late, 'b', digits(bytes), 'v', value)
end
-- As store/job_query.h says it: no success (byte 10), and not that the target did not match (byte 9).
local function is_failure(value) return string.byte(value, 10) == 0 and string.byte(value, 9) ~= 3 end
local functions, fresh, failures, answers = {}, {}, {}, {}
for i = 4, #ARGV, 4 do
  local jid, number, minion, value = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local fun = functions[jid]
  if fun == nil then
    fun = redis.call('HGET', KEYS[3] .. jid, 'f')
    functions[jid] = fun
  end
  local answer
  if not fun then
    append(jid, minion, '', '1', value)
    answer = 'L'
  elseif number == '' then
    answer = '?'
  elseif redis.call('HSETNX', KEYS[4] .. jid, number, value) == 1 then
    append(jid, minion, fun, '0', value)
    fresh[jid] = true
    if is_failure(value) then failures[jid] = (failures[jid] or 0) + 1 end
    answer = 'F'
  else
    local first = redis.call('HGET', KEYS[4] .. jid, number)
    answer = string.sub(first, 9) == string.sub(value, 9) and 'R' or 'C'
  end
  answers[#answers + 1] = answer
end
for jid in pairs(fresh) do
  redis.call('PEXPIRE', KEYS[4] .. jid, math.max(1, redis.call('PTTL', KEYS[3] .. jid)))
end
for jid, count in pairs(failures) do
  local life = math.max(1, redis.call('PTTL', KEYS[3] .. jid))
  redis.call('HINCRBY', KEYS[3] .. jid, 'n', count)
  redis.call('ZADD', KEYS[6], 0, jid)
  if redis.call('PTTL', KEYS[6]) < life then redis.call('PEXPIRE', KEYS[6], life) end
end
redis.call('HSET', KEYS[2], 'end', digits(position), 'end_bytes', digits(bytes), 'notices', digits(notices + 1))
if ARGV[2] ~= '' then
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', 10000, digits(notices + 1) .. '-0', 'o', ARGV[1], 'r', ARGV[2])
end
return table.concat(answers)
)";

// KEYS: outbox, outbox state. ARGV: epoch, then for each event: id, tag, value.
constexpr const char* kEventsText = R"(
local function digits(number) return string.format('%.0f', number) end
local head = redis.call('HMGET', KEYS[2], 'end', 'end_bytes', 'epoch')
if head[3] ~= ARGV[1] then return redis.error_reply('FOREIGN another store, or none') end
local position, bytes = tonumber(head[1] or '0'), tonumber(head[2] or '0')
for i = 2, #ARGV, 3 do
  local id, tag, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  position = position + 1
  bytes = bytes + 64 + #id + #tag + #value
  redis.call('XADD', KEYS[1], digits(position) .. '-0', 'j', '', 'm', id, 'f', tag, 'l', '2', 'b', digits(bytes), 'v', value)
end
redis.call('HSET', KEYS[2], 'end', digits(position), 'end_bytes', digits(bytes))
return position
)";

// KEYS: keys, grains, journals, settings, counters, news, presence, store, mine, prefix of mine entries. ARGV: origin, changed key ids,
// changed minions, changed settings, minions whose mine changed (packed names), epoch, then for each change: what, name, version (of a mine
// entry: its name), value. Answers a digit for each key: 1 written, 0 a version as high is there.
constexpr const char* kRememberText = R"(
if redis.call('HGET', KEYS[8], 'epoch') ~= ARGV[6] then return redis.error_reply('FOREIGN another store, or none') end
local answers = {}
for i = 7, #ARGV, 4 do
  local what, name, version, value = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if what == 'key' then
    local held = redis.call('HGET', KEYS[1], name)
    if held and string.sub(held, 1, 20) >= version then
      answers[#answers + 1] = '0'
    else
      redis.call('HSET', KEYS[1], name, version .. value)
      answers[#answers + 1] = '1'
    end
  elseif what == 'no key' then
    redis.call('HDEL', KEYS[1], name)
  elseif what == 'grains' then
    redis.call('HSET', KEYS[2], name, value)
  elseif what == 'journal' then
    redis.call('HSET', KEYS[3], name, value)
  elseif what == 'mine' then
    redis.call('HSET', KEYS[10] .. name, version, value)
    redis.call('SADD', KEYS[9], name)
  elseif what == 'no mine' then
    redis.call('HDEL', KEYS[10] .. name, version)
    if redis.call('EXISTS', KEYS[10] .. name) == 0 then redis.call('SREM', KEYS[9], name) end
  elseif what == 'no minion' then
    redis.call('HDEL', KEYS[2], name)
    redis.call('HDEL', KEYS[3], name)
    redis.call('HDEL', KEYS[7], name)
    redis.call('SREM', KEYS[9], name)
    redis.call('DEL', KEYS[10] .. name)
  elseif what == 'setting' then
    redis.call('HSET', KEYS[4], name, value)
  else
    redis.call('HDEL', KEYS[4], name)
  end
end
local news = redis.call('HINCRBY', KEYS[5], 'news', 1)
redis.call('XADD', KEYS[6], 'MAXLEN', '~', 20000, string.format('%.0f-0', news), 'o', ARGV[1], 'k', ARGV[2], 'm', ARGV[3], 's', ARGV[4], 'e', ARGV[5])
return table.concat(answers)
)";

// KEYS: returners, outbox state. ARGV: pairs of name and position; none goes back, or beyond the end.
constexpr const char* kPositionsText = R"(
local last = tonumber(redis.call('HGET', KEYS[2], 'end') or '0')
for i = 1, #ARGV, 2 do
  local position = math.min(tonumber(ARGV[i + 1]), last)
  if position > tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '0') then
    redis.call('HSET', KEYS[1], ARGV[i], string.format('%.0f', position))
  end
end
return 1
)";

// KEYS: outbox, outbox state, returners. ARGV: oldest time of arrival to keep, most bytes to keep (0: any), most entries to look at,
// then the returners. Answers how many went that a returner had not passed.
constexpr const char* kTrimText = R"(
local function digits(number) return string.format('%.0f', number) end
local function first_field(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
end
local head = redis.call('HMGET', KEYS[2], 'end', 'end_bytes', 'start', 'start_bytes')
local last, last_bytes = tonumber(head[1] or '0'), tonumber(head[2] or '0')
local start, gone = tonumber(head[3] or '0'), tonumber(head[4] or '0')
local passed = last
for i = 4, #ARGV do
  passed = math.min(passed, tonumber(redis.call('HGET', KEYS[3], ARGV[i]) or '0'))
end
if passed > start then
  local entry = redis.call('XRANGE', KEYS[1], digits(passed) .. '-0', digits(passed) .. '-0')[1]
  gone = entry and tonumber(first_field(entry[2], 'b')) or last_bytes
  start = passed
end
local oldest, most_bytes, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local dropped, more = 0, true
while more and dropped < most do
  local page = redis.call('XRANGE', KEYS[1], '(' .. digits(start) .. '-0', '+', 'COUNT', 100)
  more = #page == 100
  for _, entry in ipairs(page) do
    local received = struct.unpack('<i8', first_field(entry[2], 'v'))
    if received >= oldest and not (most_bytes > 0 and last_bytes - gone > most_bytes) then
      more = false
      break
    end
    start = start + 1
    gone = tonumber(first_field(entry[2], 'b'))
    dropped = dropped + 1
  end
end
redis.call('XTRIM', KEYS[1], 'MINID', digits(start + 1) .. '-0')
redis.call('HSET', KEYS[2], 'start', digits(start), 'start_bytes', digits(gone))
return dropped
)";

// KEYS: forget, jobs, open, feed, submission prefix. ARGV: members of forget.
constexpr const char* kForgetText = R"(
for _, member in ipairs(ARGV) do
  local jid = string.sub(member, 1, 20)
  redis.call('ZREM', KEYS[1], member)
  redis.call('ZREM', KEYS[2], jid)
  redis.call('ZREM', KEYS[3], jid)
  redis.call('XDEL', KEYS[4], string.sub(member, 53) .. '-0')
  redis.call('DEL', KEYS[5] .. string.sub(member, 21, 52))
end
return #ARGV
)";

// KEYS: lease, masters, counters, news. ARGV: token, life in ms, master, card. Answers 'held', or the card of who holds it.
// Prolonging it writes nothing that a full server would refuse.
constexpr const char* kLeaseText = R"(
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return redis.call('HGET', KEYS[2], ARGV[3]) or '' end
if holder then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
if not holder or redis.call('HGET', KEYS[2], ARGV[3]) ~= ARGV[4] then
  redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
  local news = redis.call('HINCRBY', KEYS[3], 'news', 1)
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', 20000, string.format('%.0f-0', news), 'o', ARGV[1], 'l', '1')
end
return 'held'
)";

// KEYS: as above. ARGV: token, master.
constexpr const char* kLeaveText = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[2])
local news = redis.call('HINCRBY', KEYS[3], 'news', 1)
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 20000, string.format('%.0f-0', news), 'o', ARGV[1], 'l', '1')
return 1
)";

// KEYS: lease, presence, counters, news. ARGV: token, ids (packed names), then for each minion: id, presence. Answers the first of the
// generations given, which follow one another.
constexpr const char* kArrivedText = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('FENCED the lease is not held') end
local count = (#ARGV - 2) / 2
local last = redis.call('HINCRBY', KEYS[3], 'generation', count)
for i = 1, count do
  redis.call('HSET', KEYS[2], ARGV[1 + 2 * i], string.format('%020.0f', last - count + i) .. ARGV[2 + 2 * i])
end
local news = redis.call('HINCRBY', KEYS[3], 'news', 1)
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 20000, string.format('%.0f-0', news), 'o', ARGV[1], 'p', ARGV[2])
return last - count + 1
)";

// KEYS: as above. ARGV: token, ids, how many bytes of a presence name the master, then for each minion: id, generation (20 digits),
// presence. A server that took over may give generations again: so the master counts as well.
constexpr const char* kWentText = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('FENCED the lease is not held') end
local named = tonumber(ARGV[3])
for i = 4, #ARGV, 3 do
  local held = redis.call('HGET', KEYS[2], ARGV[i])
  if held and string.sub(held, 1, 20 + named) == ARGV[i + 1] .. string.sub(ARGV[i + 2], 1, named) then
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1] .. ARGV[i + 2])
  end
end
local news = redis.call('HINCRBY', KEYS[3], 'news', 1)
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 20000, string.format('%.0f-0', news), 'o', ARGV[1], 'p', ARGV[2])
return 1
)";

// KEYS: lease, counters, news. ARGV: token, jobs and places (packed).
constexpr const char* kRunningText = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('FENCED the lease is not held') end
local news = redis.call('HINCRBY', KEYS[2], 'news', 1)
redis.call('XADD', KEYS[3], 'MAXLEN', '~', 20000, string.format('%.0f-0', news), 'o', ARGV[1], 'q', ARGV[2])
return 1
)";

// KEYS: tokens, tokens left, counters, news, store. ARGV: origin, epoch, then for each token: id, uses, token ('': forgotten).
constexpr const char* kTokensText = R"(
if redis.call('HGET', KEYS[5], 'epoch') ~= ARGV[2] then return redis.error_reply('FOREIGN another store, or none') end
for i = 3, #ARGV, 3 do
  if ARGV[i + 2] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('HDEL', KEYS[2], ARGV[i])
  elseif redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 2]) == 1 then
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  end
end
local news = redis.call('HINCRBY', KEYS[3], 'news', 1)
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 20000, string.format('%.0f-0', news), 'o', ARGV[1], 't', '1')
return 1
)";

// KEYS: keys, tokens left, counters, news, store. ARGV: origin, epoch, id (as packed names), id, version, key, token. Answers as UseResult:
// Counted, Repeated, Kept, None left.
constexpr const char* kJoinText = R"(
if redis.call('HGET', KEYS[5], 'epoch') ~= ARGV[2] then return redis.error_reply('FOREIGN another store, or none') end
local function public_key(record) return string.sub(record, 26, 29 + struct.unpack('<I4', string.sub(record, 26, 29))) end
local held, answer = redis.call('HGET', KEYS[1], ARGV[4]), 'C'
if held then
  if string.sub(held, 1, 20) >= ARGV[5] then return 'K' end
  local record = string.sub(held, 21)
  local state = string.byte(record, 1)
  if state == 1 and public_key(record) == public_key(ARGV[6]) then
    answer = 'R'
  elseif state ~= 0 then
    return 'K'
  end
end
if answer == 'C' then
  if tonumber(redis.call('HGET', KEYS[2], ARGV[7]) or '0') < 1 then return 'N' end
  redis.call('HINCRBY', KEYS[2], ARGV[7], -1)
end
redis.call('HSET', KEYS[1], ARGV[4], ARGV[5] .. ARGV[6])
local news = redis.call('HINCRBY', KEYS[3], 'news', 1)
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 20000, string.format('%.0f-0', news), 'o', ARGV[1], 'k', ARGV[3])
return answer
)";

// KEYS: keys, grains, journals, presence, counters, news, store. ARGV: origin, epoch, ids (packed names), then for each minion: id, version
// of its key, generation of its presence ('': it has none). Answers a digit for each: 1 forgotten, 0 something has changed.
constexpr const char* kDepartText = R"(
if redis.call('HGET', KEYS[7], 'epoch') ~= ARGV[2] then return redis.error_reply('FOREIGN another store, or none') end
local answers = {}
for i = 4, #ARGV, 3 do
  local id = ARGV[i]
  local key, presence = redis.call('HGET', KEYS[1], id), redis.call('HGET', KEYS[4], id)
  local generation = presence and string.sub(presence, 1, 20) or ''
  if key and string.sub(key, 1, 20) == ARGV[i + 1] and generation == ARGV[i + 2] then
    for hash = 1, 4 do redis.call('HDEL', KEYS[hash], id) end
    answers[#answers + 1] = '1'
  else
    answers[#answers + 1] = '0'
  end
end
local news = redis.call('HINCRBY', KEYS[5], 'news', 1)
redis.call('XADD', KEYS[6], 'MAXLEN', '~', 20000, string.format('%.0f-0', news), 'o', ARGV[1], 'k', ARGV[3], 'm', ARGV[3])
return table.concat(answers)
)";

constexpr std::array<const char*, kScripts> kTexts{kClaimText,   kPublishText, kReturnsText, kEventsText, kRememberText, kPositionsText,
                                                   kTrimText,    kForgetText,  kLeaseText,   kLeaveText,  kArrivedText,  kWentText,
                                                   kRunningText, kTokensText,  kJoinText,    kDepartText};

}  // namespace

Result<Scripts> Scripts::load(Connection& connection) {
  for (const char* text : kTexts) connection.add({"SCRIPT", "LOAD", text});
  Scripts scripts;
  for (std::string& name : scripts.names_) {
    BRINE_LET(const Reply reply, connection.next());
    name = reply.view().string();
  }
  return scripts;
}

void Scripts::call(Connection& connection, Script script, const Words& keys, const Words& arguments) const {
  const std::string count = std::to_string(keys.size());
  Words words{"EVALSHA", names_[static_cast<std::size_t>(script)], count};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), arguments.begin(), arguments.end());
  connection.add(words);
}

}  // namespace brine::store::redis
