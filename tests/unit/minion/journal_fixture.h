// What the tests of the journal share: a folder, jobs by number, and what a journal says about a job as a value.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/file.h"
#include "minion/journal.h"
#include "minion/journal_record.h"
#include "tests/unit/minion/disk_faults.h"

namespace brine::minion {

constexpr UnixMicros kSecond = 1'000'000;
constexpr UnixMicros kHour = 3'600 * kSecond;
constexpr UnixMicros kNow = 1'700'000'000 * kSecond;

inline JobId job(int number) { return job_id_at(kNow + number); }

struct Seen {
  JobState state = JobState::kBegun;
  UnixMicros not_after = 0;
  std::vector<std::pair<int, std::uint64_t>> commands;
  std::string outcome;
  bool operator==(const Seen&) const = default;
};

inline void PrintTo(const Seen& seen, std::ostream* out) {
  *out << "state " << static_cast<int>(seen.state) << ", not after " << seen.not_after - kNow << ", " << seen.commands.size()
       << " commands, " << seen.outcome.size() << " bytes of outcome";
}

inline std::optional<Seen> seen(const Journal& journal, const JobId& jid) {
  const JournalEntry* entry = journal.find(jid);
  if (entry == nullptr) return std::nullopt;
  EXPECT_EQ(entry->jid, jid);
  Seen result{entry->state, entry->not_after, {}, entry->outcome};
  for (const StartedCommand& command : entry->commands) result.commands.emplace_back(command.pgid, command.start_ticks);
  return result;
}

// The jobs 0 to count - 1, those that the journal knows.
using Contents = std::map<JobId, Seen>;
inline Contents contents(const Journal& journal, int count) {
  Contents all;
  for (int i = 0; i < count; ++i) {
    if (auto one = seen(journal, job(i))) all[job(i)] = *one;
  }
  return all;
}

inline bool succeeded(const Status& status) {
  EXPECT_TRUE(status) << status.error().message;
  return status.has_value();
}

inline std::vector<JournalRecord> records_in(std::string_view bytes) {
  std::vector<JournalRecord> records;
  while (const auto found = first_record(bytes)) {
    records.push_back(found->record);
    bytes.remove_prefix(found->size);
  }
  EXPECT_TRUE(bytes.empty());
  return records;
}

class JournalTest : public testing::Test {
 protected:
  JournalTest() { EXPECT_NE(mkdtemp(folder_.data()), nullptr); }
  ~JournalTest() override {
    journal_.reset();
    static_cast<void>(std::system(("rm -rf " + folder_).c_str()));
  }

  // As after a restart: nothing is closed in an orderly way, as there is no such thing.
  void reopen() {
    journal_.reset();
    auto opened = open_file_journal(options());
    ASSERT_TRUE(opened) << opened.error().message;
    journal_ = std::move(*opened);
  }
  FileJournalOptions options() const { return {path(), max_bytes_, boot_}; }
  std::string path() const { return folder_ + "/journal"; }
  std::string file() const { return read_file(path()).value_or(""); }
  void write(std::string_view bytes) const { ASSERT_TRUE(replace_file(path(), bytes, 0600)); }
  std::size_t file_size() const {
    struct stat info{};
    return ::stat(path().c_str(), &info) == 0 ? static_cast<std::size_t>(info.st_size) : 0;
  }
  static bool exists(const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0;
  }

  // A job that ran to its acknowledgement, and left this many bytes in the file that nobody needs.
  void run_to_the_end(int number, std::size_t outcome_bytes, UnixMicros not_after = kNow) {
    ASSERT_TRUE(succeeded(journal_->begun(job(number), not_after, "hash")));
    ASSERT_TRUE(succeeded(journal_->done(job(number), not_after, std::string(outcome_bytes, 'x'))));
    ASSERT_TRUE(succeeded(journal_->acked(job(number))));
  }

  // In memory where there is such a place: thousands of files are replaced, which a disk takes its time for.
  std::string folder_ = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + "/brine-journal-test-XXXXXX";
  std::uint64_t max_bytes_ = 256U << 20;
  std::string boot_ = "a boot";
  std::unique_ptr<Journal> journal_;
};

// With an open journal, and a disk that is sound again afterwards.
class Journals : public JournalTest {
 protected:
  Journals() { reopen(); }
  ~Journals() override { disk_faults().fail_file_syncs = disk_faults().fail_folder_syncs = disk_faults().fail_truncations = 0; }
};

}  // namespace brine::minion
