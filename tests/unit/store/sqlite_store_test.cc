#include "store/sqlite_store.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "store/sqlite/schema.h"
#include "tests/unit/store/contract.h"
#include "tests/unit/store/scratch_folder.h"

namespace brine::store {
namespace {

using testing::HasSubstr;

class SqliteHome final : public StoreHome {
 public:
  SqliteHome() { open(); }
  StateStore& store() override { return *store_; }
  void restart() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = open_sqlite_store({.folder = folder_ / "state"});
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
  }

  ScratchFolder folder_;
  std::unique_ptr<StateStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(StoreBackend{"sqlite", [] { return std::make_unique<SqliteHome>(); }}),
                         backend_name);

unsigned mode_of(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

void run_sql(const std::string& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
  sqlite3_close(handle);
}

void overwrite(const std::string& file, std::streamoff offset, std::size_t count) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(offset);
  stream << std::string(count, '\xa5');
  ASSERT_TRUE(stream.good());
}

Error open_error(const std::string& folder) {
  const auto opened = open_sqlite_store({.folder = folder});
  EXPECT_FALSE(opened.has_value());
  return opened ? Error{} : opened.error();
}

// A closed store with a job of 300 returns, all of it in the database file.
void fill(const std::string& folder) {
  auto store = value_of(open_sqlite_store({.folder = folder}));
  std::vector<MinionId> many;
  for (int i = 0; i < 300; ++i) many.push_back(minion("m" + std::to_string(1000 + i)));
  Batch batch;
  batch.jobs.push_back(make_job(1, many));
  for (const auto& id : many) batch.returns.push_back(make_return(1, id.str(), std::string(500, 'x')));
  value_of(store->commit(batch));
  ASSERT_TRUE(store->reopen().has_value());
}

TEST(SqliteStore, FolderAndFilesBelongToTheOwnerAlone) {
  ScratchFolder scratch;
  const mode_t before = ::umask(0);
  const auto store = value_of(open_sqlite_store({.folder = scratch / "deep/state"}));
  value_of(store->commit({}));
  ::umask(before);
  EXPECT_EQ(mode_of(scratch / "deep/state"), 0700U);
  for (const char* name : {"state.db", "state.db-wal", "state.db-shm", "lock"})
    EXPECT_EQ(mode_of(scratch / ("deep/state/" + std::string(name))), 0600U) << name;
}

TEST(SqliteStore, ALooseModeOfTheFileIsTightened) {
  ScratchFolder scratch;
  fill(scratch.path());
  ASSERT_EQ(::chmod((scratch / "state.db").c_str(), 0644), 0);
  const auto store = value_of(open_sqlite_store({.folder = scratch.path()}));
  EXPECT_EQ(mode_of(scratch / "state.db"), 0600U);
}

TEST(SqliteStore, ASecondOpenerIsToldWhoHasIt) {
  ScratchFolder scratch;
  const auto store = value_of(open_sqlite_store({.folder = scratch.path()}));
  const Error error = open_error(scratch.path());
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("is in use by pid " + std::to_string(::getpid())));
}

TEST(SqliteStore, ASecondProcessIsRefusedAndAKilledOneLeavesNoLockBehind) {
  ScratchFolder scratch;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto store = open_sqlite_store({.folder = scratch.path()});
    if (::write(ready[1], store ? "y" : "n", 1) == 1) ::pause();
    ::_exit(1);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_THAT(open_error(scratch.path()).message, HasSubstr("is in use by pid " + std::to_string(child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(open_sqlite_store({.folder = scratch.path()}).has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(SqliteStore, AFailedOpeningLeavesTheFolderUnlocked) {
  ScratchFolder scratch;
  std::ofstream(scratch / "state.db") << std::string(8192, 'x');
  open_error(scratch.path());
  std::filesystem::remove(scratch / "state.db");
  EXPECT_TRUE(open_sqlite_store({.folder = scratch.path()}).has_value());
}

TEST(SqliteStore, AFileInPlaceOfTheFolderIsNamed) {
  ScratchFolder scratch;
  std::ofstream(scratch / "state") << "x";
  const Error error = open_error(scratch / "state");
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_THAT(error.message, HasSubstr(scratch / "state"));
  EXPECT_THAT(open_error(scratch / "state/below").message, HasSubstr("Not a directory"));
}

// Works for root too, unlike a mode without w.
TEST(SqliteStore, AFolderThatCannotBeWrittenIsNamed) {
  const Error error = open_error("/proc/self/fdinfo");
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("/proc/self/fdinfo/lock"));
}

TEST(SqliteStore, AFolderInPlaceOfTheFileIsUnavailable) {
  ScratchFolder scratch;
  std::filesystem::create_directory(scratch / "state.db");
  EXPECT_EQ(open_error(scratch.path()).code, Code::kUnavailable);
}

TEST(SqliteStore, AForeignDatabaseIsNotTouched) {
  ScratchFolder scratch;
  run_sql(scratch / "state.db", "CREATE TABLE theirs(x)");
  const Error error = open_error(scratch.path());
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_THAT(error.message, HasSubstr("not made by brine"));
}

TEST(SqliteStore, ANewerSchemaIsRefused) {
  ScratchFolder scratch;
  fill(scratch.path());
  run_sql(scratch / "state.db", "PRAGMA user_version=" + std::to_string(sqlite::kSchemaVersion + 1));
  const Error error = open_error(scratch.path());
  EXPECT_EQ(error.code, Code::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("newer brine"));
}

TEST(SqliteStore, ADamagedHeaderIsCorrupt) {
  ScratchFolder scratch;
  fill(scratch.path());
  overwrite(scratch / "state.db", 0, 100);
  EXPECT_EQ(open_error(scratch.path()).code, Code::kCorrupt);
}

TEST(SqliteStore, ADamagedPageInTheMiddleIsCorrupt) {
  ScratchFolder scratch;
  fill(scratch.path());
  const auto size = std::filesystem::file_size(scratch / "state.db");
  ASSERT_GT(size, 100'000U);
  overwrite(scratch / "state.db", static_cast<std::streamoff>(size / 8192 * 4096), 4096);
  EXPECT_EQ(open_error(scratch.path()).code, Code::kCorrupt);
}

TEST(SqliteStore, ATornFileIsCorrupt) {
  ScratchFolder scratch;
  fill(scratch.path());
  std::filesystem::resize_file(scratch / "state.db", std::filesystem::file_size(scratch / "state.db") / 2 / 4096 * 4096);
  EXPECT_EQ(open_error(scratch.path()).code, Code::kCorrupt);
}

TEST(SqliteStore, ATornLogLosesOnlyWhatWasTorn) {
  ScratchFolder scratch;
  {
    const auto store = value_of(open_sqlite_store({.folder = scratch.path()}));
    for (int i = 1; i <= 2; ++i) {
      Batch batch;
      batch.jobs.push_back(make_job(i, minions({"a"})));
      value_of(store->commit(batch));
    }
  }
  std::filesystem::resize_file(scratch / "state.db-wal", std::filesystem::file_size(scratch / "state.db-wal") - 1000);
  const auto store = value_of(open_sqlite_store({.folder = scratch.path()}));
  EXPECT_TRUE(value_of(store->job(jid_number(1))).has_value());
  EXPECT_FALSE(value_of(store->job(jid_number(2))).has_value());
}

TEST(SqliteStore, ReopeningRefusesAnotherStoreInItsPlace) {
  ScratchFolder mine;
  ScratchFolder other;
  fill(other.path());
  const auto store = value_of(open_sqlite_store({.folder = mine.path()}));
  for (const char* name : {"state.db-wal", "state.db-shm"}) std::filesystem::remove(mine / name);
  std::filesystem::remove(mine / "state.db");
  std::filesystem::copy_file(other / "state.db", mine / "state.db");
  const auto reopened = store->reopen();
  ASSERT_FALSE(reopened.has_value());
  EXPECT_EQ(reopened.error().code, Code::kCorrupt);
  EXPECT_FALSE(store->keys().has_value());
}

TEST(SqliteStore, ReopeningDoesNotMakeANewStoreWhereTheOldOneVanished) {
  ScratchFolder scratch;
  const auto store = value_of(open_sqlite_store({.folder = scratch.path()}));
  std::filesystem::remove(scratch / "state.db");
  EXPECT_FALSE(store->reopen().has_value());
  std::ofstream(scratch / "state.db").close();
  const auto emptied = store->reopen();
  ASSERT_FALSE(emptied.has_value());
  EXPECT_EQ(emptied.error().code, Code::kCorrupt);
}

TEST(SqliteStore, ExpiredRowsGiveTheirRoomBack) {
  ScratchFolder scratch;
  const auto store = value_of(open_sqlite_store({.folder = scratch.path()}));
  std::uintmax_t after_first = 0;
  for (int i = 1; i <= 20; ++i) {
    Batch batch;
    batch.jobs.push_back(make_job(i, minions({"a", "b"})));
    batch.returns = {make_return(i, "a", std::string(50'000, 'x')), make_return(900 + i, "b", std::string(50'000, 'y'))};
    value_of(store->commit(batch));
    EXPECT_EQ(value_of(store->expire({20'000, 10, {"kafka"}, 0, 0})).jobs, 1U);
    EXPECT_EQ(value_of(store->outbox_usage()).entries, 2U);
    value_of(store->expire({20'000, 10, {}, 0, 0}));
    ASSERT_TRUE(store->reopen().has_value());
    if (i == 1) after_first = std::filesystem::file_size(scratch / "state.db");
  }
  EXPECT_LE(std::filesystem::file_size(scratch / "state.db"), after_first + 65'536);
}

}  // namespace
}  // namespace brine::store
