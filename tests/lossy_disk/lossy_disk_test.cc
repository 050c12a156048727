// Real processes, killed, with what they had not synced taken back: first that lossy_disk does what it says, then the store on it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <sstream>

#include "store/sqlite_store.h"

namespace brine {
namespace {

namespace fs = std::filesystem;

class LossyDisk : public testing::Test {
 protected:
  LossyDisk() {
    std::string name = (fs::temp_directory_path() / "brine-lossy-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    base_ = name;
    fs::create_directory(root());
    fs::create_directory(sidecar());
  }
  ~LossyDisk() override { fs::remove_all(base_); }

  fs::path root() const { return base_ / "disk"; }
  fs::path sidecar() const { return base_ / "undo"; }

  // Runs the victim until it has said so many lines, kills it, and returns all lines that it said.
  std::vector<std::string> run_and_kill(const std::string& mode, const std::vector<std::string>& steps, std::size_t lines,
                                        const std::map<std::string, std::string>& environment = {}) {
    int out[2];
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    const pid_t victim = ::fork();
    if (victim == 0) become_victim(mode, steps, environment, out[1]);
    ::close(out[1]);
    auto said = read_lines(out[0], lines, victim);
    ::close(out[0]);
    ::waitpid(victim, &exit_status_, 0);
    return said;
  }
  bool was_killed() const { return WIFSIGNALED(exit_status_) && WTERMSIG(exit_status_) == SIGKILL; }

  void lose_power() {
    const std::string command = std::string(LOSSY_DISK_REVERT) + " " + root().string() + " " + sidecar().string() + " > /dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);
  }

  // Does the steps in a process, kills it, and loses the power.
  void after_power_loss(const std::vector<std::string>& steps) {
    ASSERT_THAT(run_and_kill("files", steps, 1), testing::ElementsAre("done"));
    lose_power();
  }

  std::string content(const std::string& name) const {
    std::ifstream stream(root() / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  bool exists(const std::string& name) const { return fs::exists(root() / name); }

 private:
  [[noreturn]] void become_victim(const std::string& mode, const std::vector<std::string>& steps,
                                  const std::map<std::string, std::string>& environment, int out) const {
    ::dup2(out, STDOUT_FILENO);
    ::setenv("LD_PRELOAD", LOSSY_DISK_LIBRARY, 1);
    ::setenv("LOSSY_DISK_ROOT", root().c_str(), 1);
    ::setenv("LOSSY_DISK_LOG", sidecar().c_str(), 1);
    // The library has to come before the sanitizer's, which does not like it but works.
    ::setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    std::string folder = root().string();
    std::vector<std::string> words{LOSSY_DISK_VICTIM, mode, folder};
    words.insert(words.end(), steps.begin(), steps.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }

  static std::vector<std::string> read_lines(int fd, std::size_t enough, pid_t victim) {
    std::string text;
    char buffer[4096];
    bool killed = false;
    while (true) {
      if (!killed && static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) >= enough) {
        ::kill(victim, SIGKILL);
        killed = true;
      }
      const ssize_t count = ::read(fd, buffer, sizeof buffer);
      if (count <= 0) break;
      text.append(buffer, static_cast<std::size_t>(count));
    }
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

  fs::path base_;
  int exit_status_ = 0;
};

TEST_F(LossyDisk, WhatWasSyncedStays) {
  after_power_loss({"write:f:0:hello", "sync:f", "sync-folder"});
  EXPECT_EQ(content("f"), "hello");
}

TEST_F(LossyDisk, WhatWasWrittenAfterTheSyncIsGone) {
  after_power_loss({"write:f:0:hello", "sync:f", "sync-folder", "write:f:1:EYXX", "append:f:more", "write:f:100:far"});
  EXPECT_EQ(content("f"), "hello");
}

TEST_F(LossyDisk, OverwritesOfAnEarlierLifeAreTakenBackToo) {
  std::ofstream(root() / "f") << "from before";
  after_power_loss({"write:f:0:XXXX", "write:f:2:YYYY"});
  EXPECT_EQ(content("f"), "from before");
}

TEST_F(LossyDisk, ASyncCoversItsOwnFileOnly) {
  after_power_loss({"write:a:0:1", "write:b:0:1", "sync:a", "sync:b", "sync-folder", "write:a:0:2", "write:b:0:2", "sync:a"});
  EXPECT_EQ(content("a"), "2");
  EXPECT_EQ(content("b"), "1");
}

TEST_F(LossyDisk, CuttingAndEmptyingAreTakenBack) {
  after_power_loss({"write:a:0:hello", "write:b:0:world", "sync:a", "sync:b", "sync-folder", "cut:a:2", "empty:b", "append:b:new"});
  EXPECT_EQ(content("a"), "hello");
  EXPECT_EQ(content("b"), "world");
}

TEST_F(LossyDisk, ANewFileIsGoneUnlessItsFolderWasSynced) {
  after_power_loss({"write:a:0:1", "sync:a", "sync-folder", "write:b:0:1", "sync:b"});
  EXPECT_TRUE(exists("a"));
  EXPECT_FALSE(exists("b"));
}

TEST_F(LossyDisk, ANameWithoutASyncOfTheFileIsAnEmptyFile) {
  after_power_loss({"write:f:0:hello", "sync-folder"});
  EXPECT_TRUE(exists("f"));
  EXPECT_EQ(content("f"), "");
}

TEST_F(LossyDisk, ARenameIsTakenBackWithTheFileThatItReplaced) {
  after_power_loss({"write:f:0:old", "sync:f", "sync-folder", "write:f.new:0:new", "sync:f.new", "rename:f.new:f"});
  EXPECT_EQ(content("f"), "old");
}

TEST_F(LossyDisk, ARenameStaysOnceTheFolderWasSynced) {
  after_power_loss({"write:f:0:old", "sync:f", "sync-folder", "write:f.new:0:new", "sync:f.new", "rename:f.new:f", "sync-folder"});
  EXPECT_EQ(content("f"), "new");
  EXPECT_FALSE(exists("f.new"));
}

// The classic: the name is new, the bytes are not there.
TEST_F(LossyDisk, ARenameWithoutASyncOfTheFileLosesTheBytes) {
  after_power_loss({"write:f:0:old", "sync:f", "sync-folder", "write:f.new:0:new", "rename:f.new:f", "sync-folder"});
  EXPECT_EQ(content("f"), "");
}

TEST_F(LossyDisk, ADeletedFileComesBackUnlessTheFolderWasSynced) {
  after_power_loss({"write:a:0:1", "write:b:0:2", "sync:a", "sync:b", "sync-folder", "unlink:a", "sync-folder", "unlink:b"});
  EXPECT_FALSE(exists("a"));
  EXPECT_EQ(content("b"), "2");
}

TEST_F(LossyDisk, AFileThatTookADeletedOnesPlaceGivesItBack) {
  after_power_loss({"write:f:0:old", "sync:f", "sync-folder", "unlink:f", "write:f:0:new", "sync:f"});
  EXPECT_EQ(content("f"), "old");
}

TEST_F(LossyDisk, MappedSharedMemoryOfSqliteIsGone) {
  after_power_loss({"write:x-shm:0:memory", "sync:x-shm", "sync-folder"});
  EXPECT_FALSE(exists("x-shm"));
}

TEST_F(LossyDisk, TheSidecarIsEmptyAfterwards) {
  after_power_loss({"write:f:0:hello", "unlink:f"});
  EXPECT_TRUE(fs::is_empty(sidecar()));
}

TEST_F(LossyDisk, ThreadsThatSyncLoseNothingTheyWereToldIsSafe) {
  const auto said = run_and_kill("threads", {}, 400);
  ASSERT_TRUE(was_killed());
  lose_power();
  std::map<std::string, int> promised;
  for (const auto& line : said) promised[line.substr(0, 1)] = std::stoi(line.substr(2));
  ASSERT_EQ(promised.size(), 4U);
  for (const auto& [name, last] : promised) {
    std::istringstream lines(content(name));
    int expected = 0;
    for (int number = 0; lines >> number;) ASSERT_EQ(number, ++expected) << "in " << name;
    EXPECT_GE(expected, last) << "in " << name;
  }
}

// ---- the store ------------------------------------------------------------------------------------------------------------

class StoreAfterPowerLoss : public LossyDisk {
 protected:
  std::unique_ptr<store::StateStore> open() {
    auto opened = store::open_sqlite_store({.folder = (root() / "state").string()});
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }
  static int rows_in(const std::string& file) {
    sqlite3* handle = nullptr;
    sqlite3_stmt* count = nullptr;
    EXPECT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_prepare_v2(handle, "SELECT count(*) FROM t", -1, &count, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    const int rows = sqlite3_step(count) == SQLITE_ROW ? sqlite3_column_int(count, 0) : -1;
    sqlite3_finalize(count);
    sqlite3_close(handle);
    return rows;
  }
  // How many batches are there; each has to be there as a whole, and none may be missing before another.
  int whole_batches(const store::StateStore& store) {
    const auto feed = store.feed_after({}, 1'000'000);
    EXPECT_TRUE(feed.has_value());
    int count = 0;
    for (const auto& entry : *feed) {
      EXPECT_EQ(entry.position.counter, static_cast<std::uint64_t>(++count));
      EXPECT_EQ(store.returned_minions(entry.jid)->size(), 20U) << entry.jid.str();
    }
    EXPECT_EQ(store.outbox_usage()->entries, static_cast<std::uint64_t>(count) * 20U);
    return count;
  }
};

TEST_F(StoreAfterPowerLoss, EveryAcknowledgedBatchIsThere) {
  std::random_device random;
  for (int round = 0; round < 4; ++round) {
    const std::size_t lines = 1 + random() % 120;
    const auto said = run_and_kill("store", {}, lines);
    ASSERT_TRUE(was_killed());
    ASSERT_GE(said.size(), lines);
    lose_power();
    EXPECT_GE(whole_batches(*open()), std::stoi(said.back())) << "killed after " << lines << " lines";
    fs::remove_all(root() / "state");
  }
}

TEST_F(StoreAfterPowerLoss, ASecondLifeKeepsWhatTheFirstHadAcknowledged) {
  const auto first = run_and_kill("store", {}, 30);
  lose_power();
  const int before = whole_batches(*open());
  EXPECT_GE(before, std::stoi(first.back()));
  // The second one repeats the submissions of the first: nothing is written until it comes to new ones.
  const auto second = run_and_kill("store", {}, 60);
  lose_power();
  EXPECT_GE(whole_batches(*open()), std::max(before, std::stoi(second.back())));
}

TEST_F(StoreAfterPowerLoss, WithoutSyncsAcknowledgedBatchesAreLost) {
  const auto said = run_and_kill("unsynced", {}, 50);
  ASSERT_TRUE(was_killed());
  lose_power();
  ASSERT_TRUE(exists("raw.db"));
  const int there = rows_in((root() / "raw.db").string());
  EXPECT_GE(there, 0);
  EXPECT_LT(there, std::stoi(said.back()));
}

#ifdef BRINE_CRASH_POINTS
class CrashPoint : public StoreAfterPowerLoss, public testing::WithParamInterface<std::string> {};

TEST_P(CrashPoint, LosesTheBatchBeforeTheCommitAndKeepsItAfter) {
  const fs::path log = root().parent_path() / "fired";
  const auto said = run_and_kill("store", {}, 1000, {{"BRINE_CRASH_AT", GetParam() + ":5"}, {"BRINE_CRASH_LOG", log.string()}});
  ASSERT_TRUE(was_killed());
  std::ifstream fired(log);
  std::string name;
  ASSERT_TRUE(std::getline(fired, name)) << "the crash point did not fire";
  EXPECT_EQ(name, GetParam());
  lose_power();
  EXPECT_EQ(said.size(), 4U);
  EXPECT_EQ(whole_batches(*open()), GetParam() == "store.after_commit" ? 5 : 4);
}

INSTANTIATE_TEST_SUITE_P(Store, CrashPoint, testing::Values("store.before_commit", "store.after_commit"),
                         [](const auto& point) { return point.param.substr(6); });
#endif

}  // namespace
}  // namespace brine
