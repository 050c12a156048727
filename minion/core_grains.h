// The grains that every machine has, under the names that Salt gave them. Files and system calls only: no program is started and no
// name server asked, so that it takes a few milliseconds. What cannot be read is left out; nothing fails.
//
// root is put in front of every path; with another root than "" the system calls still tell about this machine.
#pragma once

#include <string>
#include <string_view>

#include "minion/function.h"

namespace brine::minion {

// All of the following, and kernel*, init, systemd, shell, path, pid, uid, locale_info, brineversion, ...
Json core_grains(const std::string& root);

// os, os_family, osfullname, osrelease, osrelease_info, osmajorrelease, osfinger, oscodename, osarch (os_grains.cc).
// machine is `uname -m`.
Json os_grains(const std::string& root, std::string_view machine);

// num_cpus, cpu_model, cpu_flags, mem_total, swap_total, manufacturer, productname, serialnumber, biosversion, machine_id, uuid
// (hardware_grains.cc). Memory in MiB.
Json hardware_grains(const std::string& root);

// virtual, virtual_subtype: what the machine seems to run on (virtual_grains.cc).
Json virtual_grains(const std::string& root);

// localhost, nodename, host, fqdn, domain: from the host name and /etc/hosts (network_grains.cc).
Json name_grains(std::string_view host_name, const std::string& root);

// ip_interfaces, ip4_interfaces, ip6_interfaces, hwaddr_interfaces, ipv4, ipv6, of this machine (network_grains.cc).
Json address_grains();

}  // namespace brine::minion
