#include "minion/core_grains.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "base/bytes.h"
#include "minion/account.h"
#include "minion/small_file.h"

namespace brine::minion {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name, std::string fallback = {}) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' || !is_utf8(value) ? std::move(fallback) : std::string(value);
}

std::string link_target(const std::string& path) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  return error ? std::string() : target.string();
}

Json kernel_grains(const utsname& system) {
  return {{"kernel", system.sysname}, {"kernelrelease", system.release}, {"kernelversion", system.version}, {"cpuarch", system.machine}};
}

std::string init_name(const std::string& root) {
  std::error_code error;
  if (fs::exists(root + "/run/systemd/system", error)) return "systemd";
  const std::string name = small_file(root + "/proc/1/comm");
  return name.empty() ? "unknown" : name;
}

// systemd names its private library after its version: libsystemd-shared-252.so.
int systemd_version(const std::string& folder) {
  constexpr std::string_view kPrefix = "libsystemd-shared-";
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    int version = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), version);
    if (version > 0) return version;
  }
  return 0;
}

Json init_grains(const std::string& root) {
  Json grains = {{"init", init_name(root)}};
  for (const char* folder :
       {"/usr/lib/systemd", "/lib/systemd", "/usr/lib/x86_64-linux-gnu/systemd", "/usr/lib/aarch64-linux-gnu/systemd"}) {
    const int version = systemd_version(root + folder);
    if (version == 0) continue;
    grains["systemd"] = {{"version", std::to_string(version)}};
    break;
  }
  return grains;
}

Json locale_grains() {
  const std::string locale = environment("LC_ALL", environment("LC_CTYPE", environment("LANG", "C")));
  const std::size_t dot = locale.find('.');
  const time_t now = time(nullptr);
  tm local{};
  localtime_r(&now, &local);
  Json info = {{"defaultlanguage", locale.substr(0, dot)}, {"timezone", local.tm_zone == nullptr ? "UTC" : local.tm_zone}};
  if (dot != std::string::npos) info["defaultencoding"] = locale.substr(dot + 1);
  return info;
}

// The name of the zone, as in "Europe/Berlin".
std::string time_zone(const std::string& root) {
  if (std::string name = small_file(root + "/etc/timezone"); !name.empty()) return name;
  const std::string target = link_target(root + "/etc/localtime");
  constexpr std::string_view kZones = "zoneinfo/";
  const std::size_t at = target.find(kZones);
  return at == std::string::npos ? std::string() : target.substr(at + kZones.size());
}

Json process_grains() {
  Json grains = {{"pid", getpid()},
                 {"uid", geteuid()},
                 {"gid", getegid()},
                 {"path", environment("PATH")},
                 {"shell", environment("SHELL", "/bin/sh")},
                 {"brineversion", BRINE_VERSION}};
  if (const auto user = own_account()) grains["username"] = user->name;
  if (const auto group = group_name(getegid())) grains["groupname"] = *group;
  if (std::string program = link_target("/proc/self/exe"); !program.empty()) grains["brinepath"] = std::move(program);
  return grains;
}

// Text from files and from the environment may hold any byte; grains are JSON and must not.
void replace_bad_text(Json& value) {
  if (value.is_string()) {
    if (!is_utf8(value.get_ref<const std::string&>())) value = Json::parse(value.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else if (value.is_structured()) {
    for (Json& child : value) replace_bad_text(child);
  }
}

}  // namespace

Json core_grains(const std::string& root) {
  utsname system{};
  uname(&system);
  Json grains = kernel_grains(system);
  grains.update(os_grains(root, system.machine));
  grains.update(hardware_grains(root));
  grains.update(virtual_grains(root));
  grains.update(name_grains(system.nodename, root));
  grains.update(address_grains());
  grains.update(init_grains(root));
  grains.update(process_grains());
  grains["locale_info"] = locale_grains();
  if (std::string zone = time_zone(root); !zone.empty()) grains["timezone"] = std::move(zone);
  replace_bad_text(grains);
  return grains;
}

}  // namespace brine::minion
