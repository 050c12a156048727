// The journal after everything that can happen to its file: cut at every byte, every bit turned, a minion killed in the middle.

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <numeric>

#include "base/log.h"
#include "tests/unit/minion/journal_fixture.h"

namespace brine::minion {
namespace {

using testing::HasSubstr;

constexpr int kJobs = 4;

// A small journal, and what it says after each of its records.
class DamagedJournal : public JournalTest {
 protected:
  DamagedJournal() {
    EXPECT_TRUE(log::open("journal_test", log::Level::kQuiet, ""));
    reopen();
    epoch_ = journal_->epoch();
    states_.emplace_back();  // behind the header
    note();                  // behind the boot
    // Two jobs of which one runs commands, one repeatable job, one that was acknowledged.
    then(journal_->begun(job(0), kNow, "hash"));
    then(journal_->done(job(1), kNow, "first outcome"));
    then(journal_->acked(job(1)));
    then(journal_->begun(job(2), kNow + 1, "hash"));
    then(journal_->started(job(2), {4711, 99}));
    then(journal_->done(job(0), kNow, "second outcome"));
    then(journal_->begun(job(3), kNow + 2, "hash"));
    then(journal_->started(job(3), {4712, 100}));
    journal_.reset();
    bytes_ = file();
    for (const JournalRecord& record : records_in(bytes_)) ends_.push_back((ends_.empty() ? 0 : ends_.back()) + size_of(record));
    EXPECT_EQ(ends_.size(), states_.size());
  }

  void then(const Status& status) {
    ASSERT_TRUE(succeeded(status));
    note();
  }
  void note() { states_.push_back(contents(*journal_, kJobs)); }

  // Of the record that this byte belongs to.
  std::size_t record_at(std::size_t byte) const { return static_cast<std::size_t>(std::ranges::upper_bound(ends_, byte) - ends_.begin()); }

  std::uint64_t epoch_ = 0;
  std::string bytes_;
  std::vector<Contents> states_;
  std::vector<std::size_t> ends_;
};

TEST_F(DamagedJournal, CutAnywhereKeepsEveryWholeRecord) {
  for (std::size_t size = 0; size <= bytes_.size(); ++size) {
    SCOPED_TRACE(size);
    write(bytes_.substr(0, size));
    reopen();
    ASSERT_EQ(journal_->put_aside(), "");
    const std::size_t whole = record_at(size);
    EXPECT_EQ(contents(*journal_, kJobs), whole == 0 ? Contents() : states_[whole - 1]);
    EXPECT_EQ(journal_->epoch() == epoch_, whole > 0) << "a file without a header is a new one";
    // It goes on behind the cut.
    ASSERT_TRUE(succeeded(journal_->begun(job(kJobs), kNow, "hash")));
    reopen();
    EXPECT_NE(journal_->find(job(kJobs)), nullptr);
  }
}

TEST_F(DamagedJournal, AnyTurnedBitIsSeen) {
  int aside = 0;
  for (std::size_t byte = 0; byte < bytes_.size(); ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      SCOPED_TRACE(testing::Message() << "byte " << byte << " bit " << bit);
      std::string turned = bytes_;
      turned[byte] = static_cast<char>(static_cast<unsigned char>(turned[byte]) ^ (1U << bit));
      write(turned);
      reopen();
      const std::size_t record = record_at(byte);
      if (record + 1 == ends_.size()) {
        // Nothing tells it from a torn write.
        EXPECT_EQ(contents(*journal_, kJobs), states_[record - 1]);
        EXPECT_EQ(journal_->epoch(), epoch_);
        EXPECT_EQ(journal_->put_aside(), "");
      } else {
        ++aside;
        EXPECT_TRUE(contents(*journal_, kJobs).empty());
        EXPECT_NE(journal_->epoch(), epoch_);
        ASSERT_EQ(journal_->put_aside(), path() + ".bad-1");
        EXPECT_EQ(read_file(journal_->put_aside()).value_or(""), turned) << "somebody may want to look at it";
        ::unlink(journal_->put_aside().c_str());
      }
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(aside, 0);
}

TEST_F(DamagedJournal, ALostSectorIsSeen) {
  for (std::size_t record = 0; record + 1 < ends_.size(); ++record) {
    std::string without = bytes_;
    const std::size_t begin = record == 0 ? 0 : ends_[record - 1];
    std::fill_n(without.begin() + static_cast<std::ptrdiff_t>(begin), ends_[record] - begin, '\0');
    write(without);
    reopen();
    EXPECT_NE(journal_->put_aside(), "") << record;
  }
}

TEST_F(DamagedJournal, ZeroesBehindTheEndAreATornTail) {
  write(bytes_ + std::string(4096, '\0'));
  reopen();
  EXPECT_EQ(contents(*journal_, kJobs), states_.back());
  EXPECT_EQ(journal_->put_aside(), "");
}

TEST_F(DamagedJournal, EachDamagedFileIsKeptUnderANameOfItsOwn) {
  for (int n = 1; n <= 3; ++n) {
    const std::string wrong = "this has never been a journal, and nobody knows how it got here " + std::to_string(n);
    write(wrong);
    reopen();
    EXPECT_EQ(journal_->put_aside(), path() + ".bad-" + std::to_string(n));
    EXPECT_EQ(read_file(journal_->put_aside()).value_or(""), wrong);
    EXPECT_TRUE(journal_->begun(job(0), kNow, ""));
  }
  reopen();
  EXPECT_EQ(journal_->put_aside(), "") << "the new one is sound";
  EXPECT_NE(journal_->find(job(0)), nullptr);
}

TEST_F(DamagedJournal, AHeaderInTheMiddleIsDamage) {
  write(bytes_ + bytes_);
  reopen();
  EXPECT_NE(journal_->put_aside(), "");
}

TEST_F(DamagedJournal, AFileOfAnotherVersionIsLeftAsItIs) {
  std::string other;
  append_record(other, HeaderRecord{kJournalVersion + 1, 7, 0});
  other += "records of a kind that nobody knows yet";
  write(other);
  const auto opened = open_file_journal(options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnsupported);
  EXPECT_THAT(opened.error().message, HasSubstr(path()));
  EXPECT_THAT(opened.error().message, HasSubstr("another version"));
  EXPECT_EQ(file(), other);
}

// ---- kill -9 ---------------------------------------------------------------------------------------------------------------

// What the child tells through the pipe: a job whose command is written, or a job whose return is synced.
struct Word {
  int number = 0;
  bool synced = false;
};

std::string outcome_of(int number) { return std::string(static_cast<std::size_t>(number % 700), static_cast<char>('a' + number % 26)); }

[[noreturn]] void write_until_killed(const FileJournalOptions& options, int pipe) {
  auto journal = open_file_journal(options);
  if (!journal) ::_exit(1);
  const auto tell = [&](Word word) {
    if (::write(pipe, &word, sizeof word) != static_cast<ssize_t>(sizeof word)) ::_exit(1);
  };
  for (int n = 0;; ++n) {
    if (!(*journal)->begun(job(n), kNow, "hash") || !(*journal)->started(job(n), {n + 2, 1})) ::_exit(1);
    tell({n, false});
    if (n % 3 == 0) continue;
    if (!(*journal)->done(job(n), kNow, outcome_of(n)) || !(*journal)->sync()) ::_exit(1);
    tell({n, true});
  }
}

TEST_F(DamagedJournal, AMinionThatIsKilledWhileItWritesLosesNothingOfWhatItWasTold) {
  for (const std::size_t words : {1U, 2U, 50U, 333U, 1'000U}) {
    SCOPED_TRACE(words);
    ::unlink(path().c_str());
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_until_killed(options(), ends[1]);
    ::close(ends[1]);
    std::vector<Word> told;
    Word word;
    while (told.size() < words && ::read(ends[0], &word, sizeof word) == static_cast<ssize_t>(sizeof word)) told.push_back(word);
    ::kill(child, SIGKILL);
    while (::read(ends[0], &word, sizeof word) == static_cast<ssize_t>(sizeof word)) told.push_back(word);
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
    ASSERT_GE(told.size(), words);
    reopen();
    EXPECT_EQ(journal_->put_aside(), "");
    for (const Word& each : told) {
      const auto found = seen(*journal_, job(each.number));
      ASSERT_TRUE(found) << each.number;
      if (each.synced) {
        EXPECT_EQ(found->outcome, outcome_of(each.number));
      } else if (found->state == JobState::kBegun) {
        EXPECT_EQ(found->commands.size(), 1U);
      }
    }
  }
}

}  // namespace
}  // namespace brine::minion
