#include "minion/modules/network.h"

#include <set>

#include "minion/arguments.h"
#include "minion/core_grains.h"
#include "target/subnet.h"

namespace brine::minion {
namespace {

bool is_loopback(std::string_view address) { return address.starts_with("127.") || address == "::1"; }

// Of the interfaces in `by_interface`, a grain: sorted, each once.
Result<Outcome> addresses(const Call& call, const char* by_interface) {
  const Arguments arguments(call);
  BRINE_LET(const std::string interface, arguments.text("interface"));
  BRINE_LET(const bool with_loopback, arguments.flag("include_loopback"));
  BRINE_LET(const std::string cidr, arguments.text("cidr"));
  std::optional<target::Subnet> within;
  if (!cidr.empty()) {
    auto parsed = target::Subnet::parse(cidr);
    if (!parsed) return fail(Code::kInvalid, "cidr: " + parsed.error().what);
    within = *parsed;
  }
  std::set<std::string> found;
  const Json interfaces = address_grains().value(by_interface, Json::object());
  for (const auto& [name, list] : interfaces.items()) {
    if (!interface.empty() && name != interface) continue;
    for (const Json& address : list) {
      const auto& text = address.get_ref<const std::string&>();
      if ((with_loopback || !is_loopback(text)) && (!within || within->contains(text))) found.insert(text);
    }
  }
  return Outcome{.value = Json(found)};
}

Result<Outcome> ip_addrs(const Call& call) { return addresses(call, "ip4_interfaces"); }
Result<Outcome> ip_addrs6(const Call& call) { return addresses(call, "ip6_interfaces"); }

}  // namespace

void add_network_functions(Registry& registry) {
  const auto add = [&registry](std::string name, std::string doc, Result<Outcome> (*body)(const Call&)) {
    registry.add({.name = std::move(name),
                  .parameters = {{.name = "interface", .fallback = "null"},
                                 {.name = "include_loopback", .fallback = "false"},
                                 {.name = "cidr", .fallback = "null"}},
                  .doc = std::move(doc),
                  .repeatable = true,
                  .body = body});
  };
  add("network.ip_addrs", "IPv4 addresses; of one interface, or within a network.\n\n    brine '*' network.ip_addrs cidr=10.0.0.0/8",
      ip_addrs);
  add("network.ip_addrs6", "IPv6 addresses, likewise.\n\n    brine '*' network.ip_addrs6 interface=eth0", ip_addrs6);
}

}  // namespace brine::minion
