// What the journal remembers, in memory: the sum of its records. What was read from the file and what is written now go the same way.
//
// Begun and done jobs are kept whole; an acknowledged one costs 16 bytes. Confined to the journal's loop.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "minion/journal.h"
#include "minion/journal_record.h"

namespace brine::minion {

class JournalIndex {
 public:
  std::optional<JobState> state_of(PackedJid jid) const;
  // States go forward only, and the first outcome stays. A job that is acked and then begun or done had been forgotten in between, as
  // the journal takes a known one only once: it begins anew.
  void begun(PackedJid jid, UnixMicros not_after, std::string_view job_hash);
  void started(PackedJid jid, const StartedCommand& command);  // of a job that is not begun: nothing
  void done(PackedJid jid, UnixMicros not_after, std::string outcome);
  void acked(PackedJid jid, UnixMicros not_after);

  // Acknowledged jobs whose not_after is older than this.
  void forget_before(UnixMicros not_after);
  // Process numbers of an earlier boot mean nothing in this one.
  void drop_commands();

  // An acknowledged job is shown in a place that the next call uses again; others stay where they are until their state changes.
  const JournalEntry* find(PackedJid jid) const;
  std::vector<const JournalEntry*> in_state(JobState state) const;  // kBegun or kDone

  // Calls with every record that is needed to remember the same again, in order.
  void each_record(const std::function<void(const JournalRecord&)>& call) const;
  // The bytes of these records.
  std::uint64_t live_bytes() const { return live_bytes_; }

 private:
  struct Live {
    JournalEntry entry;
    std::string job_hash;  // while begun
  };
  struct Acked {
    PackedJid jid = 0;
    UnixMicros not_after = 0;
  };

  std::vector<Acked>::const_iterator acked_at(PackedJid jid) const;
  void forget_acked(PackedJid jid);
  static std::uint64_t bytes_of(PackedJid jid, const Live& live);

  std::map<PackedJid, Live> live_;
  std::vector<Acked> acked_;    // sorted by jid
  mutable JournalEntry shown_;  // what find() returns of an acknowledged job
  std::uint64_t live_bytes_ = 0;
};

}  // namespace brine::minion
