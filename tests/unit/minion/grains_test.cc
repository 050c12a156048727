#include "minion/grains.h"

#include <gmock/gmock.h>
#include <sys/utsname.h>

#include "minion/core_grains.h"
#include "minion/grain_path.h"

namespace brine::minion {
namespace {

std::string fixture(const std::string& name) { return std::string(BRINE_TEST_DATA "/") + name; }

struct OsCase {
  std::string folder;
  std::string os;
  std::string family;
  std::string full_name;
  std::string release;
  std::string finger;
  std::string code_name;
  std::string architecture;
};

class OsGrains : public testing::TestWithParam<OsCase> {};

TEST_P(OsGrains, AreThoseOfSalt) {
  const OsCase& expected = GetParam();
  const Json grains = os_grains(fixture(expected.folder), "x86_64");
  EXPECT_EQ(grains["os"], expected.os);
  EXPECT_EQ(grains["os_family"], expected.family);
  EXPECT_EQ(grains["osfullname"], expected.full_name);
  EXPECT_EQ(grains["osrelease"], expected.release);
  EXPECT_EQ(grains["osfinger"], expected.finger);
  EXPECT_EQ(grains.value("oscodename", ""), expected.code_name);
  EXPECT_EQ(grains["osarch"], expected.architecture);
}

INSTANTIATE_TEST_SUITE_P(
    Distributions, OsGrains,
    testing::Values(OsCase{"debian12", "Debian", "Debian", "Debian GNU/Linux", "12", "Debian-12", "bookworm", "amd64"},
                    OsCase{"ubuntu2204", "Ubuntu", "Debian", "Ubuntu", "22.04", "Ubuntu-22.04", "jammy", "amd64"},
                    OsCase{"mint", "Mint", "Debian", "Linux Mint", "21.2", "Linux Mint-21", "victoria", "amd64"},
                    OsCase{"rocky9", "Rocky", "RedHat", "Rocky Linux", "9.3", "Rocky Linux-9", "Blue Onyx", "x86_64"},
                    OsCase{"centos7", "CentOS", "RedHat", "CentOS Linux", "7.9.2009", "CentOS Linux-7", "Core", "x86_64"},
                    OsCase{"oracle8", "OEL", "RedHat", "Oracle Linux Server", "8.9", "Oracle Linux Server-8", "", "x86_64"},
                    OsCase{"amazon2023", "Amazon", "RedHat", "Amazon Linux", "2023", "Amazon Linux-2023", "", "x86_64"},
                    OsCase{"alpine318", "Alpine", "Alpine", "Alpine Linux", "3.18.4", "Alpine Linux-3", "", "x86_64"},
                    OsCase{"sles15", "SUSE", "Suse", "SLES", "15.5", "SLES-15", "SUSE Linux Enterprise Server 15 SP5", "x86_64"},
                    OsCase{"leap15", "SUSE", "Suse", "Leap", "15.5", "Leap-15", "openSUSE Leap 15.5", "x86_64"},
                    OsCase{"unknown_like_debian", "Some \"Quoted\" OS", "Debian", "Some \"Quoted\" OS", "4.2beta", "Some \"Quoted\" OS-4",
                           "", "amd64"}),
    [](const auto& tested) { return tested.param.folder; });

TEST(OsRelease, IsSplitIntoNumbersWhereThereAreNumbers) {
  EXPECT_EQ(os_grains(fixture("ubuntu2204"), "x86_64")["osrelease_info"], Json::array({22, 4}));
  EXPECT_EQ(os_grains(fixture("ubuntu2204"), "x86_64")["osmajorrelease"], 22);
  EXPECT_EQ(os_grains(fixture("unknown_like_debian"), "x86_64")["osrelease_info"], Json::array({4, "2beta"}));
}

TEST(OsRelease, MayBeMissing) {
  EXPECT_EQ(os_grains(fixture("nothing"), "x86_64"),
            Json::parse(R"({"os": "Linux", "os_family": "Linux", "osfullname": "Linux", "osarch": "x86_64"})"));
}

TEST(HardwareGrains, AreReadFromProcAndDmi) {
  const Json grains = hardware_grains(fixture("hardware"));
  EXPECT_EQ(grains["num_cpus"], 2);
  EXPECT_EQ(grains["cpu_model"], "Intel(R) Xeon(R) CPU @ 2.20GHz");
  EXPECT_EQ(grains["cpu_flags"], Json::array({"fpu", "vme", "de", "hypervisor"}));
  EXPECT_EQ(grains["mem_total"], 3936);
  EXPECT_EQ(grains["swap_total"], 1023);
  EXPECT_EQ(grains["uuid"], "0a1b2c3d-0000-1111-2222-333344445555");
  EXPECT_EQ(grains["machine_id"], "8c1ef1e0b1f04b6f8f1c9d3f1a2b3c4d");
  EXPECT_EQ(grains["manufacturer"], "QEMU");
  EXPECT_FALSE(grains.contains("serialnumber"));
}

TEST(HardwareGrains, LeaveOutWhatCannotBeRead) {
  const Json grains = hardware_grains(fixture("nothing"));
  EXPECT_TRUE(grains.contains("num_cpus"));
  EXPECT_EQ(grains.size(), 1U);
}

TEST(VirtualGrains, TellContainersFromMachines) {
  EXPECT_EQ(virtual_grains(fixture("docker")), Json::parse(R"({"virtual": "container", "virtual_subtype": "Docker"})"));
  EXPECT_EQ(virtual_grains(fixture("lxc")), Json::parse(R"({"virtual": "container", "virtual_subtype": "LXC"})"));
  EXPECT_EQ(virtual_grains(fixture("kubernetes")), Json::parse(R"({"virtual": "container", "virtual_subtype": "Kubernetes"})"));
  EXPECT_EQ(virtual_grains(fixture("hardware")), Json::parse(R"({"virtual": "kvm"})"));
  EXPECT_EQ(virtual_grains(fixture("vmware")), Json::parse(R"({"virtual": "VMware"})"));
  EXPECT_EQ(virtual_grains(fixture("physical")), Json::parse(R"({"virtual": "physical"})"));
}

TEST(NameGrains, TakeTheDomainFromTheHostNameOrFromHosts) {
  const Json full = name_grains("web.example.org", fixture("hosts"));
  EXPECT_EQ(full["host"], "web");
  EXPECT_EQ(full["domain"], "example.org");
  EXPECT_EQ(full["fqdn"], "web.example.org");
  EXPECT_EQ(full["nodename"], "web.example.org");
  const Json known = name_grains("db1", fixture("hosts"));
  EXPECT_EQ(known["fqdn"], "db1.prod.example.org");
  EXPECT_EQ(known["host"], "db1");
  EXPECT_EQ(known["domain"], "prod.example.org");
  EXPECT_EQ(known["localhost"], "db1");
  EXPECT_EQ(name_grains("other", fixture("hosts"))["domain"], "");
}

TEST(AddressGrains, KnowTheLoopback) {
  const Json grains = address_grains();
  EXPECT_THAT(grains["ip4_interfaces"]["lo"], testing::Contains(Json("127.0.0.1")));
  EXPECT_THAT(grains["ip_interfaces"]["lo"], testing::Contains(Json("127.0.0.1")));
  EXPECT_THAT(grains["ipv4"], testing::Contains(Json("127.0.0.1")));
  EXPECT_EQ(grains["hwaddr_interfaces"]["lo"], "00:00:00:00:00:00");
}

TEST(CoreGrains, OfThisMachineHaveAllTheUsualNames) {
  utsname system{};
  uname(&system);
  const Json grains = core_grains("");
  EXPECT_EQ(grains["kernel"], system.sysname);
  EXPECT_EQ(grains["kernelrelease"], system.release);
  EXPECT_EQ(grains["nodename"], system.nodename);
  for (const char* name : {"os",           "os_family", "osarch",        "kernelversion",  "cpuarch",
                           "num_cpus",     "mem_total", "swap_total",    "fqdn",           "host",
                           "domain",       "localhost", "ip_interfaces", "ip6_interfaces", "hwaddr_interfaces",
                           "ipv6",         "virtual",   "init",          "shell",          "path",
                           "pid",          "uid",       "gid",           "username",       "groupname",
                           "brineversion", "brinepath", "locale_info"}) {
    EXPECT_TRUE(grains.contains(name)) << name;
  }
}

TEST(CoreGrains, ReadInitSystemAndTimeZone) {
  const Json grains = core_grains(fixture("hardware"));
  EXPECT_EQ(grains["init"], "systemd");
  EXPECT_EQ(grains["systemd"]["version"], "252");
  EXPECT_EQ(grains["timezone"], "Europe/Berlin");
}

TEST(CoreGrains, AreTextEvenWhereTheEnvironmentIsNot) {
  const char* before = getenv("PATH");
  const std::string path = before == nullptr ? "" : before;
  setenv("PATH", "/bin:/\xff", 1);
  const Json grains = core_grains(fixture("debian12"));
  setenv("PATH", path.c_str(), 1);
  EXPECT_NO_THROW((void)grains.dump());
}

TEST(Grains, OfTheConfigurationStandOverTheFileAndThatOverTheCore) {
  const Grains grains(
      {.id = MinionId::trusted("m1"), .root = fixture("debian12"), .configured = {{"a", "configured"}, {"id", "forged"}}, .from_file = [] {
         return Json{{"a", "file"}, {"b", "file"}, {"os", "file"}};
       }});
  const Json items = grains.items();
  EXPECT_EQ(items["a"], "configured");
  EXPECT_EQ(items["b"], "file");
  EXPECT_EQ(items["os"], "file");
  EXPECT_EQ(items["os_family"], "Debian");
  EXPECT_EQ(items["id"], "m1");
}

TEST(Grains, SayWhetherARefreshHasChangedThem) {
  int content = 1;
  Grains grains({.id = MinionId::trusted("m1"), .root = fixture("debian12"), .from_file = [&] { return Json{{"content", content}}; }});
  const auto before = grains.snapshot();
  EXPECT_FALSE(grains.refresh());
  content = 2;
  EXPECT_TRUE(grains.refresh());
  EXPECT_EQ((*before)["content"], 1);
  EXPECT_EQ(grains.items()["content"], 2);
}

TEST(Grains, IgnoreAFileThatHoldsNoObject) {
  const Grains grains({.id = MinionId::trusted("m1"), .root = fixture("debian12"), .from_file = [] { return Json::array({1}); }});
  EXPECT_EQ(grains.items()["os"], "Debian");
}

TEST(GrainPath, PrefersAKeyThatHoldsTheDelimiter) {
  const Json value = {{"a:b", 1}, {"a", {{"b", 2}}}};
  EXPECT_EQ(*find_grain(value, "a:b", ":"), 1);
}

TEST(GrainPath, FindsNothingBelowATextOrBeyondAList) {
  const Json value = {{"a", "text"}, {"l", {1, 2}}};
  EXPECT_EQ(find_grain(value, "a:b", ":"), nullptr);
  EXPECT_EQ(find_grain(value, "l:2", ":"), nullptr);
  EXPECT_EQ(find_grain(value, "l:-1", ":"), nullptr);
  EXPECT_EQ(*find_grain(value, "l:1", ":"), 2);
}

}  // namespace
}  // namespace brine::minion
