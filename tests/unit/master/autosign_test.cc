#include "master/autosign.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/store/scratch_folder.h"

namespace brine::master {
namespace {

class AutosignTest : public testing::Test {
 protected:
  // Every content has a time of its own, as it would have when people edit the file.
  void write(const std::string& content) {
    std::ofstream(path, std::ios::trunc) << content;
    ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
    edited += std::chrono::seconds(1);
    std::filesystem::last_write_time(path, edited);
  }
  bool accepts(const std::string& id) { return autosign(MinionId::trusted(id)); }

  store::ScratchFolder folder;
  const std::string path = folder / "autosign";
  std::filesystem::file_time_type edited = std::filesystem::file_time_type::clock::now();
  std::function<bool(const MinionId&)> autosign = autosign_by_file(path);
};

TEST_F(AutosignTest, MissingFileAcceptsNobody) { EXPECT_FALSE(accepts("web1")); }

TEST_F(AutosignTest, GlobsAndNamesAreMatched) {
  write("web*\ndb[1-3]\nexact.example.com\n");
  EXPECT_TRUE(accepts("web17"));
  EXPECT_TRUE(accepts("db2"));
  EXPECT_TRUE(accepts("exact.example.com"));
  EXPECT_FALSE(accepts("db4"));
  EXPECT_FALSE(accepts("myweb1"));
  EXPECT_FALSE(accepts("exact.example.com.evil"));
}

TEST_F(AutosignTest, CommentsBlanksAndEmptyLinesAreNoGlobs) {
  write("# the web servers\n\n   \nweb*   # all of them\r\n  db1\t\n#cache*");
  EXPECT_TRUE(accepts("web1"));
  EXPECT_TRUE(accepts("db1"));
  EXPECT_FALSE(accepts("cache1"));
  EXPECT_FALSE(accepts("other"));
}

TEST_F(AutosignTest, LastLineNeedsNoNewline) {
  write("web*\ndb*");
  EXPECT_TRUE(accepts("db1"));
}

TEST_F(AutosignTest, BadLineDoesNotHurtTheOthers) {
  write("web*\n[\ndb*\n");
  EXPECT_TRUE(accepts("web1"));
  EXPECT_TRUE(accepts("db1"));
}

TEST_F(AutosignTest, ChangedFileIsReadAgain) {
  write("web*\n");
  EXPECT_TRUE(accepts("web1"));
  write("db*\n");
  EXPECT_FALSE(accepts("web1"));
  EXPECT_TRUE(accepts("db1"));
}

TEST_F(AutosignTest, RemovedFileAcceptsNobodyAndCountsAgainWhenItIsBack) {
  write("web*\n");
  EXPECT_TRUE(accepts("web1"));
  std::filesystem::rename(path, folder / "aside");
  EXPECT_FALSE(accepts("web1"));
  std::filesystem::rename(folder / "aside", path);
  EXPECT_TRUE(accepts("web1"));
}

TEST_F(AutosignTest, FileThatOthersMayWriteIsRefusedUntilItIsMended) {
  write("web*\n");
  EXPECT_TRUE(accepts("web1"));
  for (const mode_t mode : {0664, 0646}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_FALSE(accepts("web1")) << mode;
  }
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_TRUE(accepts("web1"));
}

}  // namespace
}  // namespace brine::master
