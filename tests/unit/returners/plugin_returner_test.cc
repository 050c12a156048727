#include "returners/plugin/plugin_returner.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/unit/returners/contract.h"
#include "tests/unit/returners/outbox_entries.h"
#include "tests/unit/store/scratch_folder.h"

namespace brine::returners {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// The plug-ins of tests/plugin_example, built as somebody else would: from a folder of their own, with nothing of brine but one header.
class BuiltPlugins {
 public:
  BuiltPlugins() {
    std::filesystem::copy(BRINE_PLUGIN_EXAMPLE, folder_ / "source");
    run(BRINE_CMAKE " -G Ninja -S " + (folder_ / "source") + " -B " + (folder_ / "build") +
        " -DBRINE_RETURNER_INCLUDE=" BRINE_PLUGIN_INCLUDE);
    run(BRINE_CMAKE " --build " + (folder_ / "build"));
  }
  std::string operator[](const std::string& name) const { return folder_ / ("build/lib" + name + ".so"); }

 private:
  void run(const std::string& command) {
    const std::string log = folder_ / "log";
    if (std::system((command + " >>" + log + " 2>&1").c_str()) == 0) return;
    std::ifstream said(log);
    throw std::runtime_error(command + ": " + std::string(std::istreambuf_iterator(said), {}));
  }

  store::ScratchFolder folder_;
};

const BuiltPlugins& plugins() {
  static const BuiltPlugins kBuilt;
  return kBuilt;
}

std::unique_ptr<Returner> returner_of(const config::PluginReturnerConfig& config) {
  auto returner = open_plugin_returner(config);
  if (!returner) throw std::runtime_error(returner.error().message);
  return std::move(*returner);
}

std::string why_not_opened(const config::PluginReturnerConfig& config) {
  const auto returner = open_plugin_returner(config);
  return returner ? "it opens" : std::string(to_string(returner.error().code)) + ": " + returner.error().message;
}

std::string refusal(Code code) { return std::string(to_string(code)) + ": "; }

Record from(const std::string& minion) {
  auto entry = entry_number(1);
  entry.value.minion = MinionId::trusted(minion);
  return record_of(std::move(entry));
}

// What is told of a record that the careless one does not take.
std::string trouble_of(Returner& returner, const Record& record) {
  const Delivery delivery = returner.deliver({&record, 1}, {});
  EXPECT_EQ(delivery.settled, 0u);
  EXPECT_TRUE(delivery.refused.empty());
  if (delivery.status) return "it was delivered";
  EXPECT_EQ(delivery.status.error().code, Code::kUnavailable);
  return delivery.status.error().message;
}

class PluginReturner : public testing::Test {
 protected:
  store::ScratchFolder folder;
  const std::string careless = plugins()["careless"];
};

// ---- loading -----------------------------------------------------------------------------------------------------------------

TEST_F(PluginReturner, LibraryThatIsNotThereIsNamed) {
  EXPECT_THAT(why_not_opened({.library = folder / "none.so"}), AllOf(HasSubstr(refusal(Code::kNotFound)), HasSubstr(folder / "none.so")));
  EXPECT_THAT(why_not_opened({.library = "append.so"}), AllOf(HasSubstr(refusal(Code::kInvalid)), HasSubstr("absolute")));
  EXPECT_THAT(why_not_opened({.library = folder.path()}), HasSubstr("is no file"));
}

TEST_F(PluginReturner, WhatIsNoLibraryIsRefused) {
  std::ofstream(folder / "text.so") << "hello";
  EXPECT_THAT(why_not_opened({.library = folder / "text.so"}),
              AllOf(HasSubstr(refusal(Code::kUnsupported)), HasSubstr("cannot be loaded")));
}

TEST_F(PluginReturner, LibraryWithoutTheEntryPointIsRefused) {
  EXPECT_THAT(why_not_opened({.library = plugins()["nothing"]}),
              AllOf(HasSubstr(refusal(Code::kUnsupported)), HasSubstr("does not export brine_returner_plugin_v1()")));
}

TEST_F(PluginReturner, OtherVersionIsRefusedWithBothNumbers) {
  EXPECT_THAT(why_not_opened({.library = plugins()["newer"]}),
              AllOf(HasSubstr(refusal(Code::kUnsupported)), HasSubstr("has version 2"), HasSubstr("wants version 1")));
}

TEST_F(PluginReturner, FileThatOthersCanChangeIsRefused) {
  const std::string copy = folder / "copy.so";
  std::filesystem::copy_file(plugins()["append"], copy);
  for (const mode_t mode : {0775U, 0757U}) {
    ::chmod(copy.c_str(), mode);
    EXPECT_THAT(why_not_opened({.library = copy}), AllOf(HasSubstr(refusal(Code::kDenied)), HasSubstr("chmod go-w " + copy)));
  }
  ::chmod(copy.c_str(), 0755);
  EXPECT_THAT(why_not_opened({.library = copy, .settings = R"({"path": "/"})"}), "it opens");
}

TEST_F(PluginReturner, FolderInWhichOthersCanPutAnotherFileIsRefused) {
  std::filesystem::create_directory(folder / "open");
  std::filesystem::copy_file(plugins()["append"], folder / "open/copy.so");
  ::chmod((folder / "open").c_str(), 0777);
  EXPECT_THAT(why_not_opened({.library = folder / "open/copy.so"}), AllOf(HasSubstr(refusal(Code::kDenied)), HasSubstr(folder / "open")));
  std::filesystem::create_symlink(folder / "open/copy.so", folder / "link.so");
  EXPECT_THAT(why_not_opened({.library = folder / "link.so"}), HasSubstr(folder / "open"));
}

TEST_F(PluginReturner, FileOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const std::string copy = folder / "copy.so";
  std::filesystem::copy_file(plugins()["append"], copy);
  ASSERT_EQ(::chown(copy.c_str(), 4242, 0), 0);
  EXPECT_THAT(why_not_opened({.library = copy}), AllOf(HasSubstr(refusal(Code::kDenied)), HasSubstr("user 4242")));
}

TEST_F(PluginReturner, SettingsThatItDoesNotLikeAreToldInItsWords) {
  EXPECT_THAT(why_not_opened({.library = plugins()["append"], .settings = "{}"}),
              AllOf(HasSubstr(refusal(Code::kInvalid)), HasSubstr("does not open"), HasSubstr("path")));
  EXPECT_THAT(why_not_opened({.library = careless, .settings = R"({"x": "null"})"}), HasSubstr("it gives no reason"));
  EXPECT_THAT(why_not_opened({.library = careless, .settings = R"({"x": "throw"})"}), HasSubstr("exception"));
}

// ---- what it is told, and what it answers ------------------------------------------------------------------------------------

TEST_F(PluginReturner, FieldsOfAReturnAndOfAnEvent) {
  const auto returner = returner_of({.library = careless});
  auto entry = entry_number(1);
  entry.value.minion = MinionId::trusted("fields");
  entry.value.retcode = -7;
  entry.late = true;
  const std::string jid = entry.value.jid.str();
  EXPECT_THAT(trouble_of(*returner, record_of(entry)), HasSubstr(": 0|-7|1|1|1|" + jid + "|fields|test.ping||"));
  EXPECT_THAT(trouble_of(*returner, record_of(event_number(2))), HasSubstr(": 1|0|0|0|1||||m:1:2|brine/minion/web2/start"));
}

TEST_F(PluginReturner, ExceptionsAndImpossibleAnswersCountAsNotDelivered) {
  const auto returner = returner_of({.library = careless});
  EXPECT_THAT(trouble_of(*returner, from("throws")), AllOf(HasSubstr(careless), HasSubstr("exception")));
  EXPECT_THAT(trouble_of(*returner, from("overcounts")), HasSubstr("more records than it was given"));
  EXPECT_THAT(trouble_of(*returner, from("silent")), HasSubstr("no reason"));
}

TEST_F(PluginReturner, RefusalsOfRecordsThatAreNotSettledDoNotCount) {
  const auto returner = returner_of({.library = careless});
  const std::vector<Record> records{from("refuses"), from("b")};
  const Delivery delivery = returner->deliver(records, {});
  EXPECT_EQ(delivery.settled, 1u);
  ASSERT_EQ(delivery.refused.size(), 1u);
  EXPECT_EQ(delivery.refused[0].index, 0u);
  EXPECT_FALSE(delivery.status);
}

TEST_F(PluginReturner, ItLearnsOfAStopWhileItWaits) {
  const auto returner = returner_of({.library = careless});
  const Record record = from("waits");
  std::jthread delivering([&](const std::stop_token& stop) {
    EXPECT_THAT(returner->deliver({&record, 1}, stop).status.error().message, HasSubstr("told to stop"));
  });
  delivering.request_stop();
}

// ---- the contract of all returners -------------------------------------------------------------------------------------------

class PluginBackend final : public Backend {
 public:
  std::unique_ptr<Returner> open() override {
    return returner_of({.library = plugins()["append"], .settings = R"({"path": ")" + path_ + R"(", "max_bytes": 4096})"});
  }
  std::vector<std::string> received() override {
    std::vector<std::string> all = taken_away_;
    std::ifstream lines(path_);
    for (std::string line; std::getline(lines, line);) all.push_back(line);
    return all;
  }
  // A folder lies where the file was.
  void go_away() override {
    taken_away_ = received();
    std::filesystem::remove(path_);
    std::filesystem::create_directory(path_);
  }
  void come_back() override { std::filesystem::remove(path_); }
  std::optional<Record> unacceptable() override { return record_of(entry_number(9, '"' + std::string(5'000, 'x') + '"')); }

 private:
  store::ScratchFolder folder_;
  const std::string path_ = folder_ / "lines";
  std::vector<std::string> taken_away_;
};

INSTANTIATE_TEST_SUITE_P(Plugin, ReturnerContract, testing::Values(backend_kind<PluginBackend>("plugin")), kind_name);

}  // namespace
}  // namespace brine::returners
