#include "engine/key_authority.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/crash_point.h"
#include "base/log.h"

namespace brine::engine {
namespace {

// A denied claim may come with every reconnect of a wrong machine: its counter is written at most this often.
constexpr seconds kDeniedWriteEvery{10};
constexpr milliseconds kEnrolWait{1'000};

std::string_view name_of(store::KeyState state) {
  switch (state) {
    case store::KeyState::kPending: return "pending";
    case store::KeyState::kAccepted: return "accepted";
    case store::KeyState::kRejected: return "rejected";
    case store::KeyState::kDenied: return "denied";
  }
  return "denied";
}

}  // namespace

std::string_view to_string(store::KeyKind kind) {
  switch (kind) {
    case store::KeyKind::kMinion: return "minion";
    case store::KeyKind::kEphemeral: return "ephemeral";
    case store::KeyKind::kSyndic: break;
  }
  return "syndic";
}

KeyAuthority::KeyAuthority(Ledger& ledger, Notary& notary, const Clock& clock, KeyPolicy policy, Listener listener)
    : ledger_(ledger), notary_(notary), clock_(clock), policy_(std::move(policy)), listener_(std::move(listener)) {}

std::string KeyAuthority::text_of(const store::KeyRecord& record) const {
  std::string text("brine-key-v1");
  const auto add = [&text](std::string_view part) {
    text.push_back('\0');
    text += part;
  };
  add(policy_.cluster);
  add(record.id.str());
  add(name_of(record.state));
  add(to_hex(record.public_key));
  add(std::to_string(record.index));
  add(std::to_string(record.version));
  add(std::to_string(record.changed));
  if (record.kind != store::KeyKind::kMinion) add(to_string(record.kind));
  return text;
}

void KeyAuthority::load(const std::vector<store::KeyRecord>& records, std::uint32_t last_index) {
  last_index_ = last_index;
  for (const store::KeyRecord& record : records) {
    if (!notary_.verify_key(text_of(record), record.signer, record.signature)) {
      log::error("the key record of {} in the store is not signed by a master of this cluster: ignored", record.id.str());
      continue;
    }
    apply(record);
    last_index_ = std::max(last_index_, record.index);
  }
}

void KeyAuthority::refresh(const std::vector<MinionId>& ids, const std::vector<store::KeyRecord>& records) {
  refreshing_ = true;
  std::set<MinionId> known, denied;
  for (const store::KeyRecord& record : records) {
    (record.state == store::KeyState::kDenied ? denied : known).insert(record.id);
    if (notary_.verify_key(text_of(record), record.signer, record.signature)) {
      take(record);
    } else {
      log::error("the key record of {} in the store is not signed by a master of this cluster: ignored", record.id.str());
    }
  }
  for (const MinionId& id : ids) {
    if (!known.contains(id)) drop(id);
    if (!denied.contains(id)) denied_.erase(id);
    if (const auto found = under_way_.find(id); found != under_way_.end()) found->second.overtaken = true;
  }
  refreshing_ = false;
}

void KeyAuthority::refresh_all(const std::vector<store::KeyRecord>& records) {
  std::vector<MinionId> ids;
  for (const auto& [id, record] : keys_) ids.push_back(id);
  for (const auto& [id, record] : denied_) ids.push_back(id);
  for (const auto& [id, under_way] : under_way_) ids.push_back(id);
  refresh(ids, records);
}

// Another master's word, if it is newer than what is known.
void KeyAuthority::take(const store::KeyRecord& record) {
  const store::KeyRecord* before = find(record.id, record.state == store::KeyState::kDenied);
  if (before != nullptr && before->version >= record.version) return;
  const bool was_accepted = before != nullptr && before->state == store::KeyState::kAccepted;
  // Another index: it was deleted, and accepted again.
  const bool same_key = before != nullptr && before->public_key == record.public_key && before->index == record.index;
  const bool accepted = record.state == store::KeyState::kAccepted;
  apply(record);
  if (record.state == store::KeyState::kDenied) return;
  if (was_accepted && !(accepted && same_key))
    listener_.withdrawn(record.id, accepted ? "another key was accepted" : "the key was rejected");
  if (accepted && !(was_accepted && same_key)) listener_.accepted(record.id);
}

void KeyAuthority::drop(const MinionId& id) {
  const bool was_accepted = is_accepted(id);
  if (erase(id) && was_accepted) listener_.withdrawn(id, "the key was deleted");
}

bool KeyAuthority::erase(const MinionId& id) {
  const auto found = keys_.find(id);
  if (found == keys_.end()) return false;
  count(found->second, false);
  keys_.erase(found);
  ++revision_;
  return true;
}

void KeyAuthority::count(const store::KeyRecord& record, bool in) {
  const auto move = [in](std::size_t& counter) { in ? ++counter : --counter; };
  if (record.state == store::KeyState::kPending) move(pending_count_);
  if (record.state == store::KeyState::kAccepted) move(accepted_count_);
  if (record.kind == store::KeyKind::kEphemeral) move(ephemeral_count_);
}

void KeyAuthority::reserve(std::uint32_t first, std::uint32_t count) {
  last_index_ = first - 1;
  index_limit_ = first - 1 + count;
}

std::vector<store::KeyRecord> KeyAuthority::records() const {
  std::vector<store::KeyRecord> all;
  all.reserve(keys_.size() + denied_.size());
  for (const auto& [id, record] : keys_) all.push_back(record);
  for (const auto& [id, record] : denied_) all.push_back(record);
  return all;
}

std::uint32_t KeyAuthority::highest_index() const {
  std::uint32_t highest = 0;
  for (const auto& [id, record] : keys_) highest = std::max(highest, record.index);
  return highest;
}

void KeyAuthority::apply(const store::KeyRecord& record) {
  ++revision_;
  if (record.state == store::KeyState::kDenied) {
    denied_[record.id] = record;
    return;
  }
  const auto found = keys_.find(record.id);
  if (found != keys_.end()) count(found->second, false);
  count(record, true);
  keys_[record.id] = record;
}

store::KeyRecord KeyAuthority::make(const MinionId& id, store::KeyState state, const std::string& public_key, store::KeyKind kind,
                                    const store::KeyRecord* before) const {
  store::KeyRecord record;
  record.id = id;
  record.state = state;
  record.kind = kind;
  record.public_key = public_key;
  record.changed = clock_.unix_now();
  // Versions stay unique even when a record was deleted in between: a ticket issued for an earlier one is void.
  record.version = std::max(before != nullptr ? before->version + 1 : 1, static_cast<std::uint64_t>(record.changed));
  record.index = before != nullptr ? before->index : 0;
  if (state == store::KeyState::kAccepted && record.index == 0) record.index = ++last_index_;
  record.attempts = state == store::KeyState::kDenied ? (before != nullptr ? before->attempts + 1 : 1) : 0;
  notary_.sign_key(text_of(record), record.signer, record.signature);
  return record;
}

void KeyAuthority::commit(std::vector<store::KeyRecord> records, std::vector<std::pair<MinionId, bool>> forgotten,
                          std::function<void(Status)> done) {
  commit(Ledger::KeyChange{std::move(records), std::move(forgotten), 0, {}}, std::move(done));
}

void KeyAuthority::commit(Ledger::KeyChange change, std::function<void(Status)> done) {
  std::set<MinionId> ids;
  for (const store::KeyRecord& record : change.records) ids.insert(record.id);
  for (const auto& [id, denied] : change.forgotten) ids.insert(id);
  if (change.departure) ids.insert(change.departure->id);
  for (const MinionId& id : ids) ++under_way_[id].commits;
  change.last_index = last_index_;
  change.done = [this, ids, done](Status status) {
    post_([this, ids, done, status = std::move(status)] {
      done(status);
      arrived(ids);
    });
  };
  if (ledger_.change_keys(std::move(change))) return;
  done(fail(Code::kBusy, "the ledger's queue is full; try again"));
  arrived(ids);
}

void KeyAuthority::arrived(const std::set<MinionId>& ids) {
  bool overtaken = false;
  for (const MinionId& id : ids) {
    const auto found = under_way_.find(id);
    overtaken |= found->second.overtaken;
    if (--found->second.commits == 0) under_way_.erase(found);
  }
  if (overtaken && listener_.overtaken) listener_.overtaken();
}

Admission KeyAuthority::waiting() const {
  return {Verdict::kPending, policy_.acceptance_wait, "the key waits to be accepted: brine-key -a", 0};
}

Admission KeyAuthority::judge(const store::KeyRecord& record, const AdmissionRequest& request) const {
  switch (record.state) {
    case store::KeyState::kAccepted:
      if (request.resumed && request.ticket_key_version != record.version)
        return {Verdict::kBusy, milliseconds(0), "the ticket is void: the key has changed since", 0};
      return {Verdict::kAccepted, milliseconds(0), "", record.version};
    case store::KeyState::kPending: return waiting();
    case store::KeyState::kRejected: return {Verdict::kRejected, policy_.acceptance_wait * 3, "the key was rejected by an operator", 0};
    case store::KeyState::kDenied: break;
  }
  return {Verdict::kDenied, policy_.acceptance_wait * 3, "another key holds this id", 0};
}

void KeyAuthority::admit(const AdmissionRequest& request, std::function<void(Admission)> done) {
  const auto found = keys_.find(request.id);
  if (found == keys_.end()) {
    if (request.resumed) return done({Verdict::kBusy, milliseconds(0), "the ticket is void: the key was deleted", 0});
    if (enrolling_.contains(request.id)) return done({Verdict::kBusy, kEnrolWait, "the key is being written down", 0});
    if (const store::TokenRecord* token = shown_token(request)) return join(request, *token, std::move(done));
    return enrol(request, std::move(done));
  }
  if (found->second.public_key != request.public_key) return deny(request, std::move(done));
  if ((found->second.kind == store::KeyKind::kSyndic) != (request.kind == store::KeyKind::kSyndic))
    return done({Verdict::kDenied, policy_.acceptance_wait * 3,
                 "this key was taken as that of a " + std::string(to_string(found->second.kind)) + "; on the master: brine-key -d " +
                     request.id.str(),
                 0});
  if (found->second.state == store::KeyState::kPending) {
    if (const store::TokenRecord* token = shown_token(request)) return join(request, *token, std::move(done));
    if (listener_.seen) listener_.seen(request.id, "pend", request.address);
  }
  done(judge(found->second, request));
}

// The store counts the use and writes the key, or neither.
void KeyAuthority::join(const AdmissionRequest& request, const store::TokenRecord& token, std::function<void(Admission)> done) {
  if (enrolling_.contains(request.id)) return done({Verdict::kBusy, kEnrolWait, "the key is being written down", 0});
  if (reserved() == 0) return done({Verdict::kBusy, kEnrolWait, "too many new keys at once", 0});
  Ledger::KeyChange change;
  const store::KeyRecord record = make(request.id, store::KeyState::kAccepted, request.public_key, token.kind, find(request.id));
  change.records = {record};
  change.token = token.id;
  enrolling_.insert(request.id);
  BRINE_CRASH_POINT("master.token_shown");
  commit(std::move(change), [this, record, request, id = token.id, done](const Status& status) {
    enrolling_.erase(record.id);
    if (!status && status.error().code == Code::kDenied) {
      tokens_->used_up(request, id);
      AdmissionRequest without = request;
      without.join_token.clear();
      return admit(without, done);
    }
    if (!status) return done({Verdict::kBusy, policy_.acceptance_wait, status.error().message, 0});
    apply(record);
    tokens_->used(request, id);
    listener_.seen(record.id, "accept", request.address);
    listener_.accepted(record.id);
    done(judge(record, request));
  });
}

void KeyAuthority::enrol(const AdmissionRequest& request, std::function<void(Admission)> done) {
  // A syndic speaks for others: never without an operator.
  const bool accept =
      request.kind != store::KeyKind::kSyndic && (policy_.auto_accept || (policy_.autosign && policy_.autosign(request.id)));
  if (!accept && pending_count_ >= policy_.pending_max) {
    log::warning("{} keys wait for acceptance; {} from {} is turned away", pending_count_, request.id.str(), request.address);
    return done({Verdict::kBusy, policy_.acceptance_wait, "too many keys wait for acceptance", 0});
  }
  if (accept && reserved() == 0) return done({Verdict::kBusy, kEnrolWait, "too many new keys at once", 0});
  store::KeyRecord record =
      make(request.id, accept ? store::KeyState::kAccepted : store::KeyState::kPending, request.public_key, request.kind, nullptr);
  // A pending key counts at once, so that a flood cannot pass the bound while commits are under way; an accepted one only afterwards.
  accept ? void(enrolling_.insert(request.id)) : apply(record);
  commit({record}, {}, [this, record, request, done](const Status& status) {
    const bool accepted = record.state == store::KeyState::kAccepted;
    enrolling_.erase(record.id);
    if (!status) {
      if (!accepted) erase(record.id);
      return done({Verdict::kBusy, policy_.acceptance_wait, status.error().message, 0});
    }
    if (accepted) apply(record);
    log::info("key of {} from {}: {}", record.id.str(), request.address,
              accepted ? "accepted without an operator" : "waits for acceptance");
    listener_.seen(record.id, accepted ? "accept" : "pend", request.address);
    if (accepted) listener_.accepted(record.id);
    done(judge(record, request));
  });
}

void KeyAuthority::deny(const AdmissionRequest& request, std::function<void(Admission)> done) {
  const auto before = denied_.find(request.id);
  const store::KeyRecord record =
      make(request.id, store::KeyState::kDenied, request.public_key, request.kind, before == denied_.end() ? nullptr : &before->second);
  apply(record);
  const Admission admission{Verdict::kDenied, policy_.acceptance_wait * 3,
                            "another key holds this id; on the master: brine-key -d " + request.id.str(), 0};
  const MonoTime now = clock_.now();
  const auto written = denied_written_.find(request.id);
  if (written != denied_written_.end() && now - written->second < kDeniedWriteEvery) return done(admission);
  denied_written_[request.id] = now;
  log::warning("{} claims the id {} with another key than the known one: denied", request.address, request.id.str());
  listener_.seen(request.id, "denied", request.address);
  commit({record}, {}, [done, admission](const Status&) { done(admission); });
}

void KeyAuthority::change(Change what, const Selection& selection, std::function<void(Result<KeyList>)> done) {
  const std::uint32_t index_before = last_index_;
  KeyList changed;
  std::vector<store::KeyRecord> records;
  std::vector<std::pair<MinionId, bool>> forgotten;
  const auto take = [&](const store::KeyRecord& record, std::vector<MinionId>& list) {
    list.push_back(record.id);
    const bool was_denied = record.state == store::KeyState::kDenied;
    if (what == Change::kDelete || was_denied) forgotten.emplace_back(record.id, was_denied);
    if (what == Change::kDelete) return;
    const auto known = keys_.find(record.id);
    // To reject another's claim is to forget it: the key that holds the id stays as it is.
    if (what == Change::kReject && was_denied && known != keys_.end()) return;
    // Only a denied claim may find that its id has been changed already.
    const auto taken =
        was_denied ? std::find_if(records.begin(), records.end(), [&](const auto& other) { return other.id == record.id; }) : records.end();
    const store::KeyRecord* before = taken != records.end() ? &*taken : known != keys_.end() ? &known->second : nullptr;
    records.push_back(make(record.id, what == Change::kAccept ? store::KeyState::kAccepted : store::KeyState::kRejected, record.public_key,
                           record.kind, before));
  };
  for (const auto& [id, record] : keys_) {
    if (!selection.matches(id)) continue;
    if (record.state == store::KeyState::kPending && selection.pending) take(record, changed.pending);
    if (record.state == store::KeyState::kAccepted && selection.accepted && what != Change::kAccept) take(record, changed.accepted);
    if (record.state == store::KeyState::kRejected && selection.rejected && what != Change::kReject) take(record, changed.rejected);
  }
  if (selection.denied) {
    for (const auto& [id, record] : denied_) {
      if (selection.matches(id)) take(record, changed.denied);
    }
  }
  if (records.empty() && forgotten.empty()) return done(changed);
  if (last_index_ > index_limit_) {
    last_index_ = index_before;
    return done(fail(Code::kBusy, "too many keys at once: try again in a second, or accept fewer"));
  }

  commit(records, forgotten, [this, what, records, forgotten, changed, done](const Status& status) {
    if (!status) return done(std::unexpected(status.error()));
    for (const auto& [id, was_denied] : forgotten) {
      if (was_denied) {
        denied_.erase(id);
        continue;
      }
      erase(id);
      listener_.withdrawn(id, "the key was deleted");
    }
    for (const store::KeyRecord& record : records) {
      const auto known = keys_.find(record.id);
      const bool other_key = known != keys_.end() && known->second.public_key != record.public_key;
      apply(record);
      if (what == Change::kReject || other_key)
        listener_.withdrawn(record.id, what == Change::kReject ? "the key was rejected" : "another key was accepted");
      if (what == Change::kAccept) listener_.accepted(record.id);
    }
    done(changed);
  });
}

void KeyAuthority::reap(const std::vector<store::Departure>& departures) {
  for (const store::Departure& departure : departures) {
    if (under_way_.contains(departure.id)) continue;
    Ledger::KeyChange change;
    change.departure = departure;
    commit(std::move(change), [this, id = departure.id](const Status& status) {
      if (!status) {
        if (status.error().code == Code::kBusy && listener_.kept) listener_.kept(id);
      } else if (erase(id) && listener_.reaped) {
        listener_.reaped(id);
      }
    });
  }
}

KeyList KeyAuthority::list() const {
  KeyList list;
  for (const auto& [id, record] : keys_) {
    if (record.state == store::KeyState::kAccepted) list.accepted.push_back(id);
    if (record.state == store::KeyState::kPending) list.pending.push_back(id);
    if (record.state == store::KeyState::kRejected) list.rejected.push_back(id);
  }
  for (const auto& [id, record] : denied_) list.denied.push_back(id);
  return list;
}

KeyCounts KeyAuthority::counts() const {
  return {accepted_count_, pending_count_, keys_.size() - accepted_count_ - pending_count_, denied_.size()};
}

const store::KeyRecord* KeyAuthority::find(const MinionId& id, bool denied) const {
  const auto& records = denied ? denied_ : keys_;
  const auto found = records.find(id);
  return found == records.end() ? nullptr : &found->second;
}

std::vector<MinionId> KeyAuthority::accepted() const { return list().accepted; }

bool KeyAuthority::is_accepted(const MinionId& id) const {
  const store::KeyRecord* record = find(id);
  return record != nullptr && record->state == store::KeyState::kAccepted;
}

void KeyAuthority::tick() {
  if (pending_count_ == 0) return;
  const UnixMicros oldest = clock_.unix_now() - policy_.pending_life.count() * 1'000'000;
  std::vector<std::pair<MinionId, bool>> forgotten;
  for (const auto& [id, record] : keys_) {
    if (record.state == store::KeyState::kPending && record.changed < oldest) forgotten.emplace_back(id, false);
  }
  if (forgotten.empty()) return;
  for (const auto& [id, denied] : forgotten) erase(id);
  commit({}, forgotten, [](const Status&) {});
}

}  // namespace brine::engine
