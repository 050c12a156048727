#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/base/temporary_folder.h"

namespace brine {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// Runs body in a child whose files cannot grow beyond a few bytes; true if body says so.
template <typename Body>
bool on_a_full_disk(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4, 4};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(body() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(ReadFile, MissingFileIsNotFound) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_file(folder / "none").error().code, Code::kNotFound);
}

TEST(ReadFile, FileOverTheBoundIsFull) {
  const TemporaryFolder folder;
  ASSERT_TRUE(replace_file(folder / "f", "12345", 0600));
  EXPECT_EQ(read_file(folder / "f", 5), "12345");
  EXPECT_EQ(read_file(folder / "f", 4).error().code, Code::kFull);
}

TEST(SecretFile, IsReadOnlyWhenNobodyElseMayReadIt) {
  const TemporaryFolder folder;
  ASSERT_TRUE(create_file(folder / "secret", "s", 0600));
  EXPECT_EQ(read_secret_file(folder / "secret"), "s");
  ASSERT_TRUE(create_file(folder / "open", "s", 0640));
  EXPECT_EQ(read_secret_file(folder / "open").error().code, Code::kDenied);
}

TEST(ReadFile, FolderIsAnError) {
  const TemporaryFolder folder;
  EXPECT_FALSE(read_file(folder.path()));
}

TEST(ReadFile, LargeContentComesBackWhole) {
  const TemporaryFolder folder;
  std::string content(1U << 20, 'x');
  content[77'777] = '\0';
  ASSERT_TRUE(replace_file(folder / "f", content, 0600));
  EXPECT_EQ(read_file(folder / "f"), content);
}

TEST(ReplaceFile, NewContentTakesThePlaceOfTheOld) {
  const TemporaryFolder folder;
  ASSERT_TRUE(replace_file(folder / "f", "old and longer", 0644));
  ASSERT_TRUE(replace_file(folder / "f", "new", 0600));
  EXPECT_EQ(read_file(folder / "f"), "new");
  EXPECT_EQ(mode_of(folder / "f"), 0600U);
  EXPECT_FALSE(exists(folder / "f.new"));
}

TEST(ReplaceFile, ModeDoesNotDependOnTheUmask) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(077);
  const auto written = replace_file(folder / "f", "x", 0644);
  ::umask(before);
  ASSERT_TRUE(written);
  EXPECT_EQ(mode_of(folder / "f"), 0644U);
}

TEST(ReplaceFile, WhatACrashLeftBesideItIsNoObstacle) {
  const TemporaryFolder folder;
  ASSERT_TRUE(create_file(folder / "f.new", "half of some", 0644));
  ASSERT_TRUE(replace_file(folder / "f", "whole", 0600));
  EXPECT_EQ(read_file(folder / "f"), "whole");
  EXPECT_EQ(mode_of(folder / "f"), 0600U);
}

TEST(ReplaceFile, OldContentStaysWhenTheNewCannotBeWritten) {
  const TemporaryFolder folder;
  ASSERT_TRUE(replace_file(folder / "f", "old", 0600));
  EXPECT_TRUE(on_a_full_disk([&] { return !replace_file(folder / "f", "much longer than four bytes", 0600); }));
  EXPECT_EQ(read_file(folder / "f"), "old");
  EXPECT_FALSE(exists(folder / "f.new"));
}

TEST(ReplaceFile, MissingFolderIsNamed) {
  const TemporaryFolder folder;
  const auto written = replace_file(folder / "none/f", "x", 0600);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("none/f"), std::string::npos) << written.error().message;
}

TEST(CreateFile, ExistingFileIsLeftAlone) {
  const TemporaryFolder folder;
  ASSERT_TRUE(create_file(folder / "f", "first", 0600));
  const auto again = create_file(folder / "f", "second", 0600);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kExists);
  EXPECT_EQ(read_file(folder / "f"), "first");
}

TEST(CreateFile, LinkInItsPlaceIsNotFollowed) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(folder / "target", folder / "f");
  EXPECT_EQ(create_file(folder / "f", "x", 0600).error().code, Code::kExists);
  EXPECT_FALSE(exists(folder / "target"));
}

TEST(CreateFile, ModeIsTheOneGiven) {
  const TemporaryFolder folder;
  ASSERT_TRUE(create_file(folder / "f", "x", 0640));
  EXPECT_EQ(mode_of(folder / "f"), 0640U);
}

TEST(CreateFile, PartOfAFileIsNotLeftBehind) {
  const TemporaryFolder folder;
  EXPECT_TRUE(on_a_full_disk([&] { return !create_file(folder / "f", "much longer than four bytes", 0600); }));
  EXPECT_FALSE(exists(folder / "f"));
}

TEST(MakeFolders, WhatItMakesHasTheModeAndWhatWasThereIsLeftAlone) {
  const TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  ASSERT_TRUE(make_folders(folder / "a/b/c", 0700));
  EXPECT_EQ(mode_of(folder / "a"), 0700U);
  EXPECT_EQ(mode_of(folder / "a/b/c"), 0700U);
  EXPECT_EQ(mode_of(folder.path()), 0755U);
  EXPECT_TRUE(make_folders(folder / "a/b", 0755));
  EXPECT_EQ(mode_of(folder / "a/b"), 0700U);
  EXPECT_TRUE(make_folders(folder / "a/b/", 0755));
}

TEST(MakeFolders, FileInTheWayIsAnError) {
  const TemporaryFolder folder;
  ASSERT_TRUE(create_file(folder / "f", "x", 0600));
  EXPECT_FALSE(make_folders(folder / "f", 0700));
  EXPECT_FALSE(make_folders(folder / "f/g", 0700));
}

TEST(FolderOf, IsWhatStandsBeforeTheLastSlash) {
  EXPECT_EQ(folder_of("/a/b"), "/a");
  EXPECT_EQ(folder_of("/a"), "/");
  EXPECT_EQ(folder_of("a/b"), "a");
  EXPECT_EQ(folder_of("a"), ".");
}

TEST(Fd, MovedFromOwnsNothing) {
  Fd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = first.get();
  Fd second(std::move(first));
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.get(), number);
  second.reset();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST(WriteAll, BadDescriptorIsAnError) { EXPECT_FALSE(write_all(-1, "x")); }

}  // namespace
}  // namespace brine
