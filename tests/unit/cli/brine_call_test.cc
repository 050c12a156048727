#include "cli/brine_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "cli/exit_status.h"
#include "tests/unit/cli/fake_terminal.h"

namespace brine::cli {
namespace {

using testing::HasSubstr;

using Words = std::vector<std::string>;

Result<std::unique_ptr<MasterCall>> no_master(const config::MinionConfig&) { return fail(Code::kUnavailable, "no master answers"); }

// Remembers what it was told; answers with an error if it is given one.
struct Told {
  std::vector<CallReport> reports;
  std::optional<Error> error;

  OpenMasterCall open() {
    return [this](const config::MinionConfig&) -> Result<std::unique_ptr<MasterCall>> { return std::make_unique<Ear>(*this); };
  }

 private:
  struct Ear final : MasterCall {
    explicit Ear(Told& t) : told(t) {}
    Result<JobId> report(const CallReport& report) override {
      told.reports.push_back(report);
      if (told.error) return std::unexpected(*told.error);
      return JobId::trusted("20261123040000000001");
    }
    Told& told;
  };
};

class CallTest : public testing::Test {
 protected:
  CallTest() { config.id = MinionId::trusted("m1"); }
  int run(const Words& words, const OpenMasterCall& open = no_master) {
    const auto command = read_call_command(words);
    EXPECT_TRUE(command) << command.error().message;
    return run_call(*command, config, open, terminal);
  }
  config::MinionConfig config;
  FakeTerminal terminal;
};

TEST_F(CallTest, LocalNeedsNoMaster) {
  EXPECT_EQ(run({"--local", "test.ping"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "local:\n    True\n");
}

TEST_F(CallTest, ArgumentsReachTheFunction) {
  EXPECT_EQ(run({"--local", "test.arg", "1", "two", "key=[3]", "--out", "json"}), kSucceeded);
  EXPECT_EQ(Json::parse(terminal.shown_out), Json::parse(R"({"local":{"args":[1,"two"],"kwargs":{"key":[3]}}})"));
}

TEST_F(CallTest, GrainsAreThisMinions) {
  EXPECT_EQ(run({"--local", "grains.get", "id", "--out", "txt"}), kSucceeded);
  EXPECT_EQ(terminal.shown_out, "local: m1\n");
}

TEST_F(CallTest, AFunctionThatFailsIsStatusOne) {
  EXPECT_EQ(run({"--local", "cmd.run", "exit 3"}), kFunctionFailed);
  EXPECT_EQ(run({"--local", "test.pnig"}), kFunctionFailed);
  EXPECT_THAT(terminal.shown_out, HasSubstr("Did you mean test.ping"));
}

TEST_F(CallTest, WithoutAMasterTheFunctionDoesNotRun) {
  EXPECT_EQ(run({"test.ping"}), kUsageOrConnection);
  EXPECT_EQ(terminal.shown_out, "");
  EXPECT_EQ(terminal.shown_err, "brine-call: no master answers\n");
}

TEST_F(CallTest, TheMasterIsToldWhatCameOfIt) {
  Told told;
  EXPECT_EQ(run({"test.echo", "hi"}, told.open()), kSucceeded);
  ASSERT_EQ(told.reports.size(), 1U);
  EXPECT_EQ(told.reports[0].function, "test.echo");
  EXPECT_EQ(told.reports[0].arguments, R"({"args":["hi"],"kwargs":{}})");
  EXPECT_EQ(told.reports[0].value, "\"hi\"");
}

TEST_F(CallTest, AMasterThatCouldNotBeToldIsStatusFourButTheValueIsShown) {
  Told told{.error = Error{Code::kUnavailable, "the connection is lost"}};
  EXPECT_EQ(run({"test.ping"}, told.open()), kUsageOrConnection);
  EXPECT_EQ(terminal.shown_out, "local:\n    True\n");
  EXPECT_EQ(terminal.shown_err, "brine-call: it ran, but the master was not told: the connection is lost\n");
}

TEST_F(CallTest, CtrlCEndsTheCommand) {
  const Fd interrupt(::eventfd(1, EFD_CLOEXEC));
  terminal.interrupt = interrupt.get();
  EXPECT_EQ(run({"--local", "cmd.run", "sleep 600"}), kFunctionFailed);
}

TEST(CallCommand, ShortcutsAreFunctions) {
  EXPECT_EQ(read_call_command(Words{"--local", "-g"})->function, "grains.items");
  EXPECT_EQ(read_call_command(Words{"--local", "-d", "cmd"})->function, "sys.doc");
  EXPECT_THAT(read_call_command(Words{"--local"}).error().message, HasSubstr("a function is missing"));
}

}  // namespace
}  // namespace brine::cli
