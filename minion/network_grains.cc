#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "minion/core_grains.h"
#include "minion/small_file.h"

namespace brine::minion {
namespace {

// The first name with a dot that /etc/hosts gives to the host, in a line that names it.
std::string fqdn_in_hosts(std::string_view host_name, const std::string& hosts) {
  for (std::string_view line : lines_of(hosts)) {
    line = line.substr(0, line.find('#'));
    auto names = fields_of(line);
    if (names.empty()) continue;
    names.erase(names.begin());
    if (std::ranges::find(names, host_name) == names.end()) continue;
    const auto is_full = [&](std::string_view name) {
      return name.size() > host_name.size() && name.starts_with(host_name) && name[host_name.size()] == '.';
    };
    if (const auto it = std::ranges::find_if(names, is_full); it != names.end()) return std::string(*it);
  }
  return {};
}

std::string address_text(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = address->sa_family == AF_INET ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
                                                    : &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  return inet_ntop(address->sa_family, bytes, text.data(), text.size()) == nullptr ? std::string() : std::string(text.data());
}

// "02:42:ac:11:00:02"; "" when there is none.
std::string hardware_address(const sockaddr* address) {
  const auto* packet = reinterpret_cast<const sockaddr_ll*>(address);
  if (packet->sll_halen == 0 || packet->sll_halen > sizeof packet->sll_addr) return {};
  return fmt::format("{:02x}", fmt::join(packet->sll_addr, packet->sll_addr + packet->sll_halen, ":"));
}

// Collects the interfaces as getifaddrs lists them: one entry for each address.
class Interfaces {
 public:
  void add(const ifaddrs& entry) {
    if (entry.ifa_addr == nullptr) return;
    if (entry.ifa_addr->sa_family == AF_PACKET) return add_hardware(entry);
    if (entry.ifa_addr->sa_family == AF_INET) add_address(entry, ip4_, ipv4_);
    if (entry.ifa_addr->sa_family == AF_INET6) add_address(entry, ip6_, ipv6_);
  }

  Json grains() const {
    return {{"ip_interfaces", all_},          {"ip4_interfaces", ip4_}, {"ip6_interfaces", ip6_},
            {"hwaddr_interfaces", hardware_}, {"ipv4", ipv4_},          {"ipv6", ipv6_}};
  }

 private:
  // Every interface that is up is listed, also those without an address.
  void mention(const ifaddrs& entry) {
    if ((entry.ifa_flags & IFF_UP) == 0) return;
    for (Json* map : {&all_, &ip4_, &ip6_}) map->emplace(entry.ifa_name, Json::array());
  }

  void add_hardware(const ifaddrs& entry) {
    mention(entry);
    if (std::string address = hardware_address(entry.ifa_addr); !address.empty()) hardware_[entry.ifa_name] = std::move(address);
  }

  void add_address(const ifaddrs& entry, Json& by_interface, std::set<std::string>& of_machine) {
    mention(entry);
    const std::string address = address_text(entry.ifa_addr);
    if (address.empty()) return;
    by_interface[entry.ifa_name].push_back(address);
    all_[entry.ifa_name].push_back(address);
    of_machine.insert(address);
  }

  Json all_ = Json::object();
  Json ip4_ = Json::object();
  Json ip6_ = Json::object();
  Json hardware_ = Json::object();
  std::set<std::string> ipv4_;
  std::set<std::string> ipv6_;
};

}  // namespace

Json name_grains(std::string_view host_name, const std::string& root) {
  std::string fqdn(host_name);
  if (host_name.find('.') == std::string_view::npos) {
    if (std::string full = fqdn_in_hosts(host_name, small_file(root + "/etc/hosts")); !full.empty()) fqdn = std::move(full);
  }
  const std::size_t dot = fqdn.find('.');
  return {{"localhost", std::string(host_name)},
          {"nodename", std::string(host_name)},
          {"fqdn", fqdn},
          {"host", fqdn.substr(0, dot)},
          {"domain", dot == std::string::npos ? std::string() : fqdn.substr(dot + 1)}};
}

Json address_grains() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return Json::object();
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  Interfaces interfaces;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) interfaces.add(*entry);
  return interfaces.grains();
}

}  // namespace brine::minion
