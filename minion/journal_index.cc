#include "minion/journal_index.h"

#include <algorithm>

namespace brine::minion {
namespace {

template <typename Call>
void for_records_of(PackedJid jid, const JournalEntry& entry, std::string_view job_hash, const Call& call) {
  if (entry.state == JobState::kDone) return call(DoneRecord{jid, entry.not_after, entry.outcome});
  call(BegunRecord{jid, entry.not_after, job_hash});
  for (const StartedCommand& command : entry.commands) call(StartedRecord{jid, command});
}

std::uint64_t acked_bytes() { return size_of(AckedRecord{}); }

}  // namespace

std::vector<JournalIndex::Acked>::const_iterator JournalIndex::acked_at(PackedJid jid) const {
  const auto at = std::ranges::lower_bound(acked_, jid, {}, &Acked::jid);
  return at != acked_.end() && at->jid == jid ? at : acked_.end();
}

std::uint64_t JournalIndex::bytes_of(PackedJid jid, const Live& live) {
  std::uint64_t bytes = 0;
  for_records_of(jid, live.entry, live.job_hash, [&](const JournalRecord& record) { bytes += size_of(record); });
  return bytes;
}

std::optional<JobState> JournalIndex::state_of(PackedJid jid) const {
  if (const auto found = live_.find(jid); found != live_.end()) return found->second.entry.state;
  if (acked_at(jid) != acked_.end()) return JobState::kAcked;
  return std::nullopt;
}

void JournalIndex::forget_acked(PackedJid jid) {
  const auto at = acked_at(jid);
  if (at == acked_.end()) return;
  acked_.erase(at);
  live_bytes_ -= acked_bytes();
}

void JournalIndex::begun(PackedJid jid, UnixMicros not_after, std::string_view job_hash) {
  forget_acked(jid);
  const auto [place, is_new] = live_.try_emplace(jid, Live{{unpack(jid), JobState::kBegun, not_after, {}, {}}, std::string(job_hash)});
  if (is_new) live_bytes_ += bytes_of(jid, place->second);
}

void JournalIndex::started(PackedJid jid, const StartedCommand& command) {
  const auto found = live_.find(jid);
  if (found == live_.end() || found->second.entry.state != JobState::kBegun) return;
  found->second.entry.commands.push_back(command);
  live_bytes_ += size_of(StartedRecord{jid, command});
}

void JournalIndex::done(PackedJid jid, UnixMicros not_after, std::string outcome) {
  forget_acked(jid);
  const auto [place, is_new] = live_.try_emplace(jid);
  Live& live = place->second;
  if (!is_new && live.entry.state == JobState::kDone) return;
  if (!is_new) live_bytes_ -= bytes_of(jid, live);
  live = Live{{unpack(jid), JobState::kDone, not_after, {}, std::move(outcome)}, {}};
  live_bytes_ += bytes_of(jid, live);
}

void JournalIndex::acked(PackedJid jid, UnixMicros not_after) {
  if (const auto found = live_.find(jid); found != live_.end()) {
    live_bytes_ -= bytes_of(jid, found->second);
    live_.erase(found);
  }
  const auto at = std::ranges::lower_bound(acked_, jid, {}, &Acked::jid);
  if (at != acked_.end() && at->jid == jid) return;
  acked_.insert(at, {jid, not_after});
  live_bytes_ += acked_bytes();
}

void JournalIndex::forget_before(UnixMicros not_after) {
  live_bytes_ -= acked_bytes() * std::erase_if(acked_, [&](const Acked& job) { return job.not_after < not_after; });
  if (acked_.capacity() > 2 * acked_.size()) acked_.shrink_to_fit();
}

void JournalIndex::drop_commands() {
  for (auto& [jid, live] : live_) {
    live_bytes_ -= bytes_of(jid, live);
    live.entry.commands.clear();
    live_bytes_ += bytes_of(jid, live);
  }
}

const JournalEntry* JournalIndex::find(PackedJid jid) const {
  if (const auto found = live_.find(jid); found != live_.end()) return &found->second.entry;
  const auto at = acked_at(jid);
  if (at == acked_.end()) return nullptr;
  shown_ = {unpack(jid), JobState::kAcked, at->not_after, {}, {}};
  return &shown_;
}

std::vector<const JournalEntry*> JournalIndex::in_state(JobState state) const {
  std::vector<const JournalEntry*> list;
  for (const auto& [jid, live] : live_) {
    if (live.entry.state == state) list.push_back(&live.entry);
  }
  return list;
}

void JournalIndex::each_record(const std::function<void(const JournalRecord&)>& call) const {
  for (const Acked& job : acked_) call(AckedRecord{job.jid, job.not_after});
  for (const auto& [jid, live] : live_) for_records_of(jid, live.entry, live.job_hash, call);
}

}  // namespace brine::minion
