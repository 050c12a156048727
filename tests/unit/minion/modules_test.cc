#include <gmock/gmock.h>
#include <signal.h>

#include <thread>

#include "tests/unit/minion/function_calls.h"

namespace brine::minion {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const JobId kJob = JobId::trusted("20250101000000000000");

class Modules : public testing::Test {
 protected:
  FunctionCalls minion_;
};

TEST_F(Modules, NetworkGivesAddressesWithinWhatIsAskedFor) {
  const Json all = minion_.run("network.ip_addrs", {}, {{"include_loopback", true}}).value;
  EXPECT_THAT(all, testing::Contains("127.0.0.1"));
  EXPECT_EQ(minion_.run("network.ip_addrs", {"lo"}).value, Json::array());
  EXPECT_EQ(minion_.run("network.ip_addrs", {"lo"}, {{"include_loopback", true}, {"cidr", "127.0.0.0/8"}}).value,
            Json::array({"127.0.0.1"}));
  EXPECT_EQ(minion_.run("network.ip_addrs", {}, {{"include_loopback", true}, {"cidr", "203.0.113.0/24"}}).value, Json::array());
  EXPECT_NE(minion_.run("network.ip_addrs", {}, {{"cidr", "nonsense"}}).retcode, 0);
  EXPECT_TRUE(minion_.run("network.ip_addrs6").value.is_array());
}

TEST_F(Modules, EveryFunctionIsDocumentedWithAnExampleAndHasReadableDefaults) {
  for (const auto& [name, function] : minion_.registry.all()) {
    EXPECT_THAT(function.doc, HasSubstr("brine '*' " + name)) << name;
    for (const Parameter& parameter : function.parameters) {
      EXPECT_TRUE(parameter.fallback.empty() || Json::accept(parameter.fallback)) << name << " " << parameter.name;
    }
  }
}

TEST_F(Modules, TestSaysWhatItIsTold) {
  EXPECT_EQ(minion_.run("test.ping").value, true);
  EXPECT_EQ(minion_.run("test.echo", {"a b"}).value, "a b");
  EXPECT_EQ(minion_.run("test.true").retcode, 0);
  EXPECT_EQ(minion_.run("test.false").value, false);
  EXPECT_EQ(minion_.run("test.false").retcode, 1);
  EXPECT_EQ(minion_.run("test.retcode", {17}).retcode, 17);
  EXPECT_EQ(minion_.text("test.rand_str", {100}).size(), 100U);
  EXPECT_THAT(minion_.text("test.versions"), AllOf(HasSubstr("Brine: " + minion_.text("test.version")), HasSubstr("dist: Debian-12")));
}

TEST_F(Modules, TestShowsArguments) {
  EXPECT_EQ(minion_.run("test.arg", {1, "two"}, {{"x", 3.5}}).value, Json::parse(R"({"args": [1, "two"], "kwargs": {"x": 3.5}})"));
  EXPECT_EQ(minion_.run("test.kwarg", {}, {{"x", 1}}).value, Json({{"x", 1}}));
  EXPECT_EQ(minion_.run("test.kwarg", {1}).retcode, kFailed);
  EXPECT_EQ(minion_.run("test.arg_repr", {1, "two"}).value["args"], "[1,\"two\"]");
  EXPECT_EQ(minion_.run("test.arg_type", {1, "two"}).value["args"], Json::array({"number", "string"}));
}

TEST_F(Modules, TestCalculates) {
  EXPECT_EQ(minion_.run("test.fib", {10}).value[0], 55);
  EXPECT_EQ(minion_.run("test.fib", {92}).value[0], 7540113804746346429);
  EXPECT_THAT(minion_.text("test.fib", {93}), StartsWith("test.fib: num must be 0 to 92"));
  EXPECT_EQ(minion_.run("test.collatz", {3}).value[0], Json::array({3, 10, 5, 16, 8, 4, 2, 1}));
  EXPECT_EQ(minion_.run("test.collatz", {0}).retcode, kFailed);
}

TEST_F(Modules, TestExceptionFailsWithItsMessage) {
  const Outcome outcome = minion_.run("test.exception", {"Oh noes!"});
  EXPECT_EQ(outcome.value, "test.exception: Oh noes!");
  EXPECT_EQ(outcome.retcode, kFailed);
}

TEST_F(Modules, SleepEndsWhenTheJobIsCancelled) {
  EXPECT_EQ(minion_.run("test.sleep", {0.01}).value, true);
  Call call = minion_.call("test.sleep", {100000});
  call.cancelled->store(true);
  EXPECT_EQ(run(minion_.registry, call).retcode, kFailed);
}

TEST_F(Modules, GrainsAreReadByNameAndPath) {
  EXPECT_EQ(minion_.run("grains.items").value["id"], "m1");
  EXPECT_EQ(minion_.run("grains.item", {"os", "nope"}).value, Json::parse(R"({"os": "Debian", "nope": ""})"));
  EXPECT_EQ(minion_.run("grains.item", {"site:name"}).value, Json({{"site:name", "north"}}));
  EXPECT_EQ(minion_.run("grains.get", {"site:name"}).value, "north");
  EXPECT_EQ(minion_.run("grains.get", {"roles:1"}).value, "db");
  EXPECT_EQ(minion_.run("grains.get", {"site:racks:unit"}).value, 7);
  EXPECT_EQ(minion_.run("grains.get", {"roles:5"}).value, "");
  EXPECT_EQ(minion_.run("grains.get", {"nope"}, {{"default", 3}}).value, 3);
  EXPECT_EQ(minion_.run("grains.get", {"site|name"}, {{"delimiter", "|"}}).value, "north");
  EXPECT_EQ(minion_.run("grains.has_value", {"site:name"}).value, true);
  EXPECT_EQ(minion_.run("grains.has_value", {"site:nope"}).value, false);
  EXPECT_THAT(minion_.run("grains.ls").value, testing::Contains(Json("osfinger")));
  EXPECT_EQ(minion_.run("grains.item").retcode, kFailed);
}

TEST_F(Modules, SysListsModulesAndFunctions) {
  EXPECT_EQ(minion_.run("sys.list_modules").value, Json::array({"cmd", "grains", "mine", "network", "saltutil", "sys", "test"}));
  EXPECT_EQ(minion_.run("sys.list_modules", {"s*"}).value, Json::array({"saltutil", "sys"}));
  EXPECT_EQ(minion_.run("sys.list_functions", {"sys"}).value,
            Json::array({"sys.argspec", "sys.doc", "sys.list_functions", "sys.list_modules"}));
  EXPECT_EQ(minion_.run("sys.list_functions").value.size(), minion_.registry.all().size());
  EXPECT_EQ(minion_.run("sys.list_functions", {"nope"}).value, Json::array());
}

TEST_F(Modules, SysDocStartsWithTheSignature) {
  const Json docs = minion_.run("sys.doc", {"test.ping", "grains."}).value;
  EXPECT_EQ(docs.size(), 6U);
  EXPECT_THAT(docs["test.ping"].get<std::string>(), StartsWith("test.ping()\n\nTrue: "));
  EXPECT_EQ(minion_.run("sys.doc", {""}).value.size(), minion_.registry.all().size());
}

TEST_F(Modules, SysArgspecIsSaltsForm) {
  const Json specs = minion_.run("sys.argspec", {"grains"}).value;
  EXPECT_EQ(specs["grains.get"],
            Json::parse(R"({"args": ["key", "default", "delimiter"], "defaults": ["", ":"], "varargs": null, "kwargs": null})"));
  EXPECT_EQ(specs["grains.item"]["varargs"], true);
  EXPECT_EQ(specs["grains.ls"]["defaults"], nullptr);
}

TEST_F(Modules, SaltutilShowsTheOtherRunningJobs) {
  Call other = minion_.call("cmd.run", {"sleep 5"}, {{"cwd", "/"}});
  other.jid = kJob;
  ASSERT_TRUE(minion_.running.add(other, 77));
  Call asking = minion_.call("saltutil.running");
  asking.jid = JobId::trusted("20250101000000000001");
  ASSERT_TRUE(minion_.running.add(asking, 78));
  const Json jobs = run(minion_.registry, asking).value;
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0]["jid"], kJob.str());
  EXPECT_EQ(jobs[0]["fun"], "cmd.run");
  EXPECT_EQ(jobs[0]["arg"], Json::parse(R"(["sleep 5", {"__kwarg__": true, "cwd": "/"}])"));
  EXPECT_EQ(minion_.run("saltutil.find_job", {kJob.str()}).value["started"], 77);
  EXPECT_EQ(minion_.run("saltutil.is_running", {"cmd.*"}).value.size(), 1U);
  EXPECT_EQ(minion_.run("saltutil.is_running", {"test.*"}).value.size(), 0U);
}

TEST_F(Modules, SaltutilIsSilentAboutJobsThatAreNotHere) {
  EXPECT_EQ(minion_.run("saltutil.find_job", {kJob.str()}).value, Json::object());
  EXPECT_EQ(minion_.run("saltutil.kill_job", {kJob.str()}).value, "");
  EXPECT_EQ(minion_.run("saltutil.term_job", {kJob.str()}).retcode, 0);
}

TEST_F(Modules, SaltutilRefusesWhatIsNoJidOrSignal) {
  EXPECT_THAT(minion_.text("saltutil.kill_job", {"../etc"}), StartsWith("saltutil.kill_job: jid: "));
  EXPECT_THAT(minion_.text("saltutil.signal_job", {kJob.str(), "NOPE"}), HasSubstr("sig must be a signal's number or name"));
}

// A job on its own thread, from before its command runs to its outcome.
class RunningCommand {
 public:
  RunningCommand(FunctionCalls& minion, std::string line) {
    Call call = minion.call("cmd.run_all", {std::move(line)});
    call.jid = kJob;
    EXPECT_TRUE(minion.running.add(call, 0));
    thread_ = std::jthread([this, &minion, call] {
      outcome_ = run(minion.registry, call);
      minion.running.remove(call.jid);
    });
    while (minion.running.find(kJob)->groups.empty()) std::this_thread::yield();
  }

  Outcome wait() {
    thread_.join();
    return outcome_;
  }

 private:
  Outcome outcome_;
  std::jthread thread_;
};

TEST_F(Modules, SaltutilTermJobEndsItsCommand) {
  RunningCommand job(minion_, "sleep 1000");
  EXPECT_THAT(minion_.text("saltutil.term_job", {kJob.str()}),
              StartsWith("Signal 15 (SIGTERM) sent to job " + kJob.str() + " at process group "));
  const Outcome outcome = job.wait();
  EXPECT_EQ(outcome.retcode, -SIGTERM);
  EXPECT_THAT(outcome.value["stderr"].get<std::string>(), HasSubstr("the job was told to end"));
}

TEST_F(Modules, SaltutilKillJobEndsWhatIgnoresTermination) {
  RunningCommand job(minion_, "trap '' TERM; sleep 1000");
  minion_.run("saltutil.kill_job", {kJob.str()});
  EXPECT_EQ(job.wait().retcode, -SIGKILL);
}

TEST_F(Modules, SaltutilSignalJobSendsOnlyTheSignal) {
  RunningCommand job(minion_, "sleep 1000");
  EXPECT_THAT(minion_.text("saltutil.signal_job", {kJob.str(), "SIGUSR1"}), HasSubstr("(SIGUSR1)"));
  const Outcome outcome = job.wait();
  EXPECT_EQ(outcome.retcode, -SIGUSR1);
  EXPECT_EQ(outcome.value["stderr"], "");
}

TEST_F(Modules, SaltutilRefreshesGrains) {
  const auto before = minion_.grains.snapshot();
  EXPECT_EQ(minion_.run("saltutil.refresh_grains").value, true);
  EXPECT_NE(minion_.grains.snapshot(), before);
}

}  // namespace
}  // namespace brine::minion
