#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "minion/core_grains.h"
#include "minion/small_file.h"

namespace brine::minion {
namespace {

// Files of /sys/class/dmi/id and their grains. Some can be read by root only.
constexpr auto kDmi = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"bios_date", "biosreleasedate"},
    {"bios_version", "biosversion"},
    {"product_name", "productname"},
    {"product_serial", "serialnumber"},
    {"sys_vendor", "manufacturer"},
});

std::string_view value_after_colon(std::string_view line) { return trimmed(line.substr(line.find(':') + 1)); }

void add_processors(Json& grains, const std::string& root) {
  const std::string text = small_file(root + "/proc/cpuinfo");
  std::int64_t count = 0;
  for (const std::string_view line : lines_of(text)) {
    const std::string_view key = trimmed(line.substr(0, line.find(':')));
    if (key == "processor") ++count;
    // x86 has "model name" and "flags"; ARM has "Features" and, on old kernels, "Processor"; POWER has "cpu".
    const bool model = key == "model name" || key == "Processor" || key == "cpu";
    if (model && !grains.contains("cpu_model")) grains["cpu_model"] = std::string(value_after_colon(line));
    if ((key != "flags" && key != "Features") || grains.contains("cpu_flags")) continue;
    Json& flags = grains["cpu_flags"] = Json::array();
    for (const std::string_view flag : fields_of(value_after_colon(line))) flags.push_back(std::string(flag));
  }
  if (count == 0) count = sysconf(_SC_NPROCESSORS_ONLN);
  if (count > 0) grains["num_cpus"] = count;
}

void add_memory(Json& grains, const std::string& root) {
  const std::string text = small_file(root + "/proc/meminfo");
  for (const std::string_view line : lines_of(text)) {
    const bool memory = line.starts_with("MemTotal:");
    if (!memory && !line.starts_with("SwapTotal:")) continue;
    const std::string_view value = value_after_colon(line);
    std::int64_t kib = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), kib);
    if (error == std::errc()) grains[memory ? "mem_total" : "swap_total"] = kib / 1024;
  }
}

void add_if_known(Json& grains, std::string_view name, std::string value) {
  if (!value.empty()) grains[name] = std::move(value);
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return text;
}

void add_identity(Json& grains, const std::string& root) {
  const std::string dmi = root + "/sys/class/dmi/id/";
  for (const auto& [file, name] : kDmi) add_if_known(grains, name, small_file(dmi + std::string(file)));
  add_if_known(grains, "uuid", lower(small_file(dmi + "product_uuid")));
  std::string machine_id = small_file(root + "/etc/machine-id");
  if (machine_id.empty()) machine_id = small_file(root + "/var/lib/dbus/machine-id");
  add_if_known(grains, "machine_id", std::move(machine_id));
}

}  // namespace

Json hardware_grains(const std::string& root) {
  Json grains = Json::object();
  add_processors(grains, root);
  add_memory(grains, root);
  add_identity(grains, root);
  return grains;
}

}  // namespace brine::minion
