#include <sys/stat.h>

#include <array>

#include "minion/core_grains.h"
#include "minion/small_file.h"

namespace brine::minion {
namespace {

struct Sign {
  std::string_view text;  // as it occurs in the file
  std::string_view kind;
};

// Containers, by what runtimes leave behind.
constexpr auto kCgroupSigns = std::to_array<Sign>({
    {"/kubepods", "Kubernetes"},
    {"/libpod", "Podman"},
    {"/docker", "Docker"},
    {"/containerd", "containerd"},
    {"/lxc", "LXC"},
    {"/machine.slice/machine-", "systemd-nspawn"},
});
constexpr auto kContainerNames = std::to_array<Sign>({
    {"docker", "Docker"},
    {"podman", "Podman"},
    {"lxc", "LXC"},
    {"systemd-nspawn", "systemd-nspawn"},
    {"kubernetes", "Kubernetes"},
    {"wsl", "WSL"},
});
// Machines, by vendor and product in DMI, in this order. The kinds are Salt's.
constexpr auto kMachineSigns = std::to_array<Sign>({
    {"VMware", "VMware"},
    {"VirtualBox", "VirtualBox"},
    {"innotek", "VirtualBox"},
    {"Amazon EC2", "Nitro"},
    {"Google Compute Engine", "gce"},
    {"Microsoft Corporation Virtual Machine", "HyperV"},
    {"Xen", "xen"},
    {"BHYVE", "bhyve"},
    {"Parallels", "Parallels"},
    {"QEMU", "kvm"},
    {"KVM", "kvm"},
    {"OpenStack", "kvm"},
    {"oVirt", "kvm"},
    {"RHEV", "kvm"},
    {"DigitalOcean", "kvm"},
    {"Hetzner vServer", "kvm"},
    {"Bochs", "kvm"},
});

bool exists(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0;
}

template <std::size_t N>
std::string_view first_sign(std::string_view text, const std::array<Sign, N>& signs) {
  for (const Sign& sign : signs) {
    if (text.find(sign.text) != std::string_view::npos) return sign.kind;
  }
  return {};
}

// Which container runtime the machine seems to be inside of; "" when none.
std::string_view container_kind(const std::string& root) {
  if (exists(root + "/var/run/secrets/kubernetes.io")) return "Kubernetes";
  if (const auto kind = first_sign(small_file(root + "/proc/1/cgroup"), kCgroupSigns); !kind.empty()) return kind;
  if (exists(root + "/.dockerenv")) return "Docker";
  if (exists(root + "/run/.containerenv")) return "Podman";
  const std::string told_by_systemd = small_file(root + "/run/systemd/container");
  if (const auto kind = first_sign(told_by_systemd, kContainerNames); !kind.empty()) return kind;
  const std::string environment = small_file(root + "/proc/1/environ");
  const std::size_t at = environment.find("container=");
  return at == std::string::npos ? std::string_view() : first_sign(std::string_view(environment).substr(at, 40), kContainerNames);
}

std::string_view machine_kind(const std::string& root) {
  const std::string dmi = root + "/sys/class/dmi/id/";
  const std::string product = small_file(dmi + "sys_vendor") + " " + small_file(dmi + "product_name");
  if (const auto kind = first_sign(product, kMachineSigns); !kind.empty()) return kind;
  if (small_file(root + "/sys/hypervisor/type") == "xen") return "xen";
  const std::string processors = small_file(root + "/proc/cpuinfo");
  if (processors.find("QEMU Virtual CPU") != std::string::npos) return "kvm";
  return processors.find(" hypervisor") != std::string::npos ? "VM" : "physical";
}

}  // namespace

Json virtual_grains(const std::string& root) {
  const std::string_view container = container_kind(root);
  if (!container.empty()) return {{"virtual", "container"}, {"virtual_subtype", std::string(container)}};
  return {{"virtual", std::string(machine_kind(root))}};
}

}  // namespace brine::minion
