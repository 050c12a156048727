#include "returners/file/file_returner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "tests/unit/returners/contract.h"
#include "tests/unit/returners/outbox_entries.h"
#include "tests/unit/store/scratch_folder.h"

namespace brine::returners {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// No file of this process grows beyond this size while it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uint64_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }

 private:
  rlimit before_{};
};

class FileReturnerTest : public testing::Test {
 protected:
  std::unique_ptr<Returner> open(std::uint64_t max_bytes = 1U << 20, int keep = 3) {
    auto returner = open_file_returner({.path = path, .max_bytes = max_bytes, .keep = keep});
    EXPECT_TRUE(returner.has_value()) << (returner ? "" : returner.error().message);
    return returner ? std::move(*returner) : nullptr;
  }
  // The ids in a file, line by line; "torn" for a line that is not JSON.
  static std::vector<std::string> ids_in(const std::string& file) {
    std::vector<std::string> ids;
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      ids.push_back(json.is_discarded() ? "torn" : json["id"].get<std::string>());
    }
    return ids;
  }

  store::ScratchFolder folder;
  const std::string path = folder / "deep/returns.jsonl";
  // What one entry of records_from_to() takes, for single-digit numbers.
  const std::size_t line_size = to_json(entry_number(1), "m").size() + 1;
};

TEST_F(FileReturnerTest, EveryReturnIsALineInOrder) {
  const auto returner = open();
  ASSERT_TRUE(returner->deliver(records_from_to(1, 3), {}).status.has_value());
  ASSERT_TRUE(returner->deliver(records_from_to(4, 4), {}).status.has_value());
  EXPECT_THAT(ids_in(path), ElementsAre("web1", "web2", "web3", "web4"));
}

TEST_F(FileReturnerTest, FolderAndFileAreMadeForNobodyElse) {
  open();
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07, 0u);
}

TEST_F(FileReturnerTest, PathThatCannotBeWrittenIsAnErrorAtOnce) {
  std::ofstream(folder / "file") << "x";
  const auto returner = open_file_returner({.path = folder / "file/returns.jsonl"});
  ASSERT_FALSE(returner.has_value());
  EXPECT_THAT(returner.error().message, HasSubstr("file"));
}

TEST_F(FileReturnerTest, SecondLifeContinuesTheFile) {
  open()->deliver(records_from_to(1, 2), {});
  open()->deliver(records_from_to(3, 3), {});
  EXPECT_THAT(ids_in(path), ElementsAre("web1", "web2", "web3"));
}

TEST_F(FileReturnerTest, TornLineOfAnEarlierLifeIsCut) {
  open()->deliver(records_from_to(1, 2), {});
  std::ofstream(path, std::ios::app) << R"({"jid": "2026)";
  open()->deliver(records_from_to(3, 3), {});
  EXPECT_THAT(ids_in(path), ElementsAre("web1", "web2", "web3"));
}

TEST_F(FileReturnerTest, FileIsRotatedBySizeAndOldOnesAreDropped) {
  const auto returner = open(3 * line_size, 2);
  for (std::uint64_t number = 1; number <= 9; ++number)
    ASSERT_TRUE(returner->deliver(records_from_to(number, number), {}).status.has_value());
  EXPECT_THAT(ids_in(path), ElementsAre("web7", "web8", "web9"));
  EXPECT_THAT(ids_in(path + ".1"), ElementsAre("web4", "web5", "web6"));
  EXPECT_THAT(ids_in(path + ".2"), ElementsAre("web1", "web2", "web3"));
  ASSERT_TRUE(returner->deliver(records_from_to(1, 1), {}).status.has_value());
  EXPECT_THAT(ids_in(path), ElementsAre("web1"));
  EXPECT_THAT(ids_in(path + ".2"), ElementsAre("web4", "web5", "web6"));
  EXPECT_FALSE(std::filesystem::exists(path + ".3"));
}

TEST_F(FileReturnerTest, SizeFromAnEarlierLifeCounts) {
  open(3 * line_size)->deliver(records_from_to(1, 2), {});
  open(3 * line_size)->deliver(records_from_to(3, 4), {});
  EXPECT_THAT(ids_in(path), ElementsAre("web3", "web4"));
  EXPECT_THAT(ids_in(path + ".1"), ElementsAre("web1", "web2"));
}

TEST_F(FileReturnerTest, NothingIsKeptWhenNothingIsToBeKept) {
  const auto returner = open(2 * line_size, 0);
  for (std::uint64_t number = 1; number <= 3; ++number)
    ASSERT_TRUE(returner->deliver(records_from_to(number, number), {}).status.has_value());
  EXPECT_THAT(ids_in(path), ElementsAre("web3"));
  EXPECT_FALSE(std::filesystem::exists(path + ".1"));
}

TEST_F(FileReturnerTest, BatchLargerThanTheLimitIsWrittenWhole) {
  const auto returner = open(line_size);
  ASSERT_TRUE(returner->deliver(records_from_to(1, 9), {}).status.has_value());
  EXPECT_EQ(ids_in(path).size(), 9u);
}

TEST_F(FileReturnerTest, FolderThatVanishedIsMadeAgain) {
  const auto returner = open();
  ASSERT_TRUE(returner->deliver(records_from_to(1, 1), {}).status.has_value());
  std::filesystem::remove_all(folder / "deep");
  ASSERT_TRUE(returner->deliver(records_from_to(2, 3), {}).status.has_value());
  EXPECT_THAT(ids_in(path), ElementsAre("web2", "web3"));
}

TEST_F(FileReturnerTest, FileThatVanishedDoesNotStopTheRotation) {
  const auto returner = open(2 * line_size);
  ASSERT_TRUE(returner->deliver(records_from_to(1, 2), {}).status.has_value());
  std::filesystem::rename(path, folder / "taken-away");
  ASSERT_TRUE(returner->deliver(records_from_to(3, 3), {}).status.has_value());
  EXPECT_THAT(ids_in(path), ElementsAre("web3"));
}

TEST_F(FileReturnerTest, PartOfABatchThatDidNotFitIsCutAndTheRetryIsWhole) {
  const auto returner = open();
  ASSERT_TRUE(returner->deliver(records_from_to(1, 2), {}).status.has_value());
  {
    const FileSizeLimit limit(2 * line_size + line_size / 2);
    const auto refused = returner->deliver(records_from_to(3, 5), {});
    ASSERT_FALSE(refused.status.has_value());
    EXPECT_EQ(refused.status.error().code, Code::kUnavailable);
    EXPECT_EQ(refused.settled, 0u);
    EXPECT_EQ(std::filesystem::file_size(path), 2 * line_size);
  }
  ASSERT_TRUE(returner->deliver(records_from_to(3, 5), {}).status.has_value());
  EXPECT_THAT(ids_in(path), ElementsAre("web1", "web2", "web3", "web4", "web5"));
}

// ---- the contract of all returners -------------------------------------------------------------------------------------------

class FileBackend final : public Backend {
 public:
  std::unique_ptr<Returner> open() override {
    auto returner = open_file_returner({.path = path_});
    return returner ? std::move(*returner) : nullptr;
  }
  std::vector<std::string> received() override {
    std::vector<std::string> all = taken_away_;
    std::ifstream lines(path_);
    for (std::string line; std::getline(lines, line);) all.push_back(line);
    return all;
  }
  // A file lies where the folder was.
  void go_away() override {
    taken_away_ = received();
    std::filesystem::remove_all(folder_ / "deep");
    std::ofstream(folder_ / "deep") << "x";
  }
  void come_back() override { std::filesystem::remove(folder_ / "deep"); }
  bool opens_while_away() const override { return false; }  // a path that cannot be written is a mistake of the configuration

 private:
  store::ScratchFolder folder_;
  const std::string path_ = folder_ / "deep/returns.jsonl";
  std::vector<std::string> taken_away_;
};

INSTANTIATE_TEST_SUITE_P(File, ReturnerContract, testing::Values(backend_kind<FileBackend>("file")), kind_name);

}  // namespace
}  // namespace brine::returners
