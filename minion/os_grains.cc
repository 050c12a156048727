#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "minion/core_grains.h"
#include "minion/small_file.h"
#include "minion/words.h"

namespace brine::minion {
namespace {

using OsRelease = std::map<std::string, std::string, std::less<>>;

// ID of os-release(5) to the names that Salt uses.
struct Distribution {
  std::string_view id;
  std::string_view os;
  std::string_view family;
};

constexpr auto kDistributions = std::to_array<Distribution>({
    {"almalinux", "AlmaLinux", "RedHat"},
    {"alpine", "Alpine", "Alpine"},
    {"amzn", "Amazon", "RedHat"},
    {"arch", "Arch", "Arch"},
    {"archarm", "Arch ARM", "Arch"},
    {"centos", "CentOS", "RedHat"},
    {"cloudlinux", "CloudLinux", "RedHat"},
    {"debian", "Debian", "Debian"},
    {"devuan", "Devuan", "Debian"},
    {"fedora", "Fedora", "RedHat"},
    {"gentoo", "Gentoo", "Gentoo"},
    {"kali", "Kali", "Debian"},
    {"linuxmint", "Mint", "Debian"},
    {"manjaro", "Manjaro", "Arch"},
    {"nixos", "NixOS", "NixOS"},
    {"ol", "OEL", "RedHat"},
    {"openEuler", "openEuler", "RedHat"},
    {"opensuse", "SUSE", "Suse"},
    {"opensuse-leap", "SUSE", "Suse"},
    {"opensuse-tumbleweed", "SUSE", "Suse"},
    {"photon", "VMware Photon OS", "RedHat"},
    {"pop", "Pop", "Debian"},
    {"raspbian", "Raspbian", "Debian"},
    {"rhel", "RedHat", "RedHat"},
    {"rocky", "Rocky", "RedHat"},
    {"scientific", "ScientificLinux", "RedHat"},
    {"sled", "SUSE", "Suse"},
    {"sles", "SUSE", "Suse"},
    {"sles_sap", "SUSE", "Suse"},
    {"slackware", "Slackware", "Slackware"},
    {"ubuntu", "Ubuntu", "Debian"},
    {"virtuozzo", "Virtuozzo", "RedHat"},
    {"void", "Void", "Void"},
    {"xenenterprise", "XCP-ng", "RedHat"},
});

// `dpkg --print-architecture` of a machine type.
constexpr auto kDebianArchitectures = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"x86_64", "amd64"},
    {"aarch64", "arm64"},
    {"i386", "i386"},
    {"i586", "i386"},
    {"i686", "i386"},
    {"armv7l", "armhf"},
    {"armv8l", "armhf"},
    {"armv6l", "armel"},
    {"ppc64le", "ppc64el"},
    {"s390x", "s390x"},
    {"riscv64", "riscv64"},
    {"loongarch64", "loong64"},
});

const Distribution* find_distribution(std::string_view id) {
  const auto it = std::ranges::find(kDistributions, id, &Distribution::id);
  return it == kDistributions.end() ? nullptr : &*it;
}

OsRelease read_os_release(const std::string& root) {
  std::string text = small_file(root + "/etc/os-release");
  if (text.empty()) text = small_file(root + "/usr/lib/os-release");
  OsRelease values;
  for (const std::string_view line : lines_of(text)) {
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    const auto words = split_words(line.substr(equals + 1));
    if (words && !words->empty()) values[std::string(trimmed(line.substr(0, equals)))] = words->front();
  }
  return values;
}

std::string value_of(const OsRelease& release, std::string_view key) {
  const auto it = release.find(key);
  return it == release.end() ? std::string() : it->second;
}

// The first known one of ID and the words of ID_LIKE gives the family of a distribution that the table does not know.
std::string_view family_of(const OsRelease& release) {
  const std::string like = value_of(release, "ID_LIKE");
  for (const std::string_view id : fields_of(like)) {
    if (const Distribution* known = find_distribution(id)) return known->family;
  }
  return {};
}

std::string full_name_of(const OsRelease& release) {
  const std::string name = value_of(release, "NAME");
  return name.starts_with("openSUSE ") ? name.substr(9) : name;
}

std::string version_in(std::string_view text) {
  const std::size_t first = text.find_first_of("0123456789");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_first_not_of("0123456789.", first) - first));
}

// CentOS tells only the major version in os-release, Debian's testing none at all.
std::string release_of(const OsRelease& release, const std::string& os, const std::string& root) {
  if (os == "CentOS") {
    if (std::string version = version_in(small_file(root + "/etc/centos-release")); !version.empty()) return version;
  }
  std::string version = value_of(release, "VERSION_ID");
  if (version.empty() && os == "Debian") version = small_file(root + "/etc/debian_version");
  return version.empty() ? value_of(release, "BUILD_ID") : version;
}

std::string code_name_of(const OsRelease& release, std::string_view family) {
  if (std::string name = value_of(release, "VERSION_CODENAME"); !name.empty()) return name;
  const std::string version = value_of(release, "VERSION");
  const std::size_t open = version.find('(');
  const std::size_t close = version.rfind(')');
  if (open != std::string::npos && close != std::string::npos && close > open) return version.substr(open + 1, close - open - 1);
  return family == "Suse" ? value_of(release, "PRETTY_NAME") : std::string();
}

Json release_info(std::string_view version) {
  Json parts = Json::array();
  while (true) {
    const std::string_view part = version.substr(0, version.find('.'));
    int number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error == std::errc() && end == part.data() + part.size()) {
      parts.push_back(number);
    } else {
      parts.push_back(std::string(part));
    }
    if (part.size() == version.size()) return parts;
    version.remove_prefix(part.size() + 1);
  }
}

std::string text_of_part(const Json& part) { return part.is_string() ? part.get<std::string>() : part.dump(); }

// Salt's rule: whole release for Ubuntu and Pop, otherwise the major one; the short name for Debian and Raspbian, otherwise the full one.
std::string finger_of(const std::string& os, const std::string& full_name, const std::string& version, const Json& info) {
  const bool whole = os == "Ubuntu" || os == "Pop";
  const bool short_name = os == "Debian" || os == "Raspbian";
  return fmt::format("{}-{}", short_name ? os : full_name, whole ? version : text_of_part(info.front()));
}

void add_release(Json& grains, const OsRelease& release, const std::string& root) {
  const std::string os = grains["os"];
  const std::string version = release_of(release, os, root);
  if (version.empty()) return;
  const Json info = release_info(version);
  grains["osrelease"] = version;
  grains["osrelease_info"] = info;
  if (info.front().is_number()) grains["osmajorrelease"] = info.front();
  grains["osfinger"] = finger_of(os, grains["osfullname"], version, info);
}

std::string_view architecture(std::string_view machine, std::string_view family) {
  if (family != "Debian") return machine;
  const auto it = std::ranges::find(kDebianArchitectures, machine, &std::pair<std::string_view, std::string_view>::first);
  return it == kDebianArchitectures.end() ? machine : it->second;
}

}  // namespace

Json os_grains(const std::string& root, std::string_view machine) {
  const OsRelease release = read_os_release(root);
  const Distribution* known = find_distribution(value_of(release, "ID"));
  const std::string full_name = full_name_of(release);
  std::string os(known != nullptr ? std::string(known->os) : full_name);
  if (os.empty()) os = "Linux";
  std::string family(known != nullptr ? known->family : family_of(release));
  if (family.empty()) family = os;
  Json grains = {{"os", os}, {"os_family", family}, {"osfullname", full_name.empty() ? os : full_name}};
  add_release(grains, release, root);
  if (std::string name = code_name_of(release, family); !name.empty()) grains["oscodename"] = name;
  grains["osarch"] = std::string(architecture(machine, family));
  return grains;
}

}  // namespace brine::minion
