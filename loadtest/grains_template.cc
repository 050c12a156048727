#include "loadtest/grains_template.h"

#include <array>

#include "loadtest/json.h"

namespace brine::loadtest {
namespace {

constexpr std::array<const char*, 4> kRoles{"web", "db", "cache", "queue"};
constexpr std::string_view kSampleId = "sim1000";

Json shared_grains() {
  return {{"cpu_model", "Simulated CPU @ 2.10GHz"},
          {"cpuarch", "x86_64"},
          {"defaultencoding", "utf-8"},
          {"disks", {"sda", "sdb", "nvme0n1"}},
          {"domain", "load.example"},
          {"init", "systemd"},
          {"ip_interfaces", {{"lo", {"127.0.0.1", "::1"}}}},
          {"kernel", "Linux"},
          {"kernelrelease", "6.1.0-18-amd64"},
          {"locale_info", {{"defaultencoding", "UTF-8"}, {"defaultlanguage", "en_US"}, {"timezone", "UTC"}}},
          {"mem_total", 4096},
          {"num_cpus", 2},
          {"os", "Debian"},
          {"os_family", "Debian"},
          {"oscodename", "bookworm"},
          {"osfinger", "Debian-12"},
          {"osmajorrelease", 12},
          {"osrelease", "12.5"},
          {"path", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
          {"shell", "/bin/sh"},
          {"virtual", "kvm"}};
}

std::string inner_text(const Json& object) {
  const std::string text = object.dump();
  return text.substr(1, text.size() - 2);
}

}  // namespace

GrainsTemplate::GrainsTemplate(std::size_t bytes) {
  Json grains = shared_grains();
  common_ = inner_text(grains);
  const std::size_t without = text(kSampleId, 1'000).size();
  Json flags = Json::array();
  for (int i = 0; without + Json{{"cpu_flags", flags}}.dump().size() + 12 < bytes; ++i) flags.push_back("flag" + std::to_string(100 + i));
  if (!flags.empty()) grains["cpu_flags"] = flags;
  common_ = inner_text(grains);
}

std::string GrainsTemplate::text(std::string_view id, std::uint32_t number) const {
  const std::string name(id);
  const Json own{
      {"dc", "dc" + std::to_string(number / 4 % 4)},
      {"fqdn", name + ".load.example"},
      {"host", name},
      {"id", name},
      {"ipv4", {"10." + std::to_string(number >> 16 & 255) + "." + std::to_string(number >> 8 & 255) + "." + std::to_string(number & 255)}},
      {"number", number},
      {"role", kRoles[number % kRoles.size()]}};
  return "{" + inner_text(own) + "," + common_ + "}";
}

}  // namespace brine::loadtest
