// Does what it may not, as the minion's id asks for: "throws", "overcounts", "silent", "refuses" (an index that there is not, and one
// twice), "fields" (tells what it sees), "waits" (until brine wants to stop). Settings with "throw" in them make open() throw.
#include <sched.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "brine_returner.h"

namespace {

void* open_it(const char* settings_json, char*, size_t) {
  if (std::strstr(settings_json, "throw") != nullptr) throw std::runtime_error("thrown");
  return std::strstr(settings_json, "null") != nullptr ? nullptr : new int(0);
}

size_t deliver(void*, const brine_record* records, size_t count, const brine_delivery* delivery) {
  const std::string what = records[0].kind == BRINE_EVENT ? "fields" : records[0].id;
  if (what == "throws") throw std::runtime_error("thrown");
  if (what == "overcounts") return count + 1;
  if (what == "refuses") {
    delivery->refuse(delivery->context, 999'999, "there is no such record");
    delivery->refuse(delivery->context, 0, "first\nreason");
    delivery->refuse(delivery->context, 0, nullptr);
    return 1;
  }
  if (what == "waits") {
    while (delivery->stopping(delivery->context) == 0) ::sched_yield();
    delivery->away(delivery->context, "told to stop");
    return 0;
  }
  if (what == "fields") {
    const brine_record& r = records[0];
    const std::string all = std::to_string(r.kind) + "|" + std::to_string(r.retcode) + "|" + std::to_string(r.success) + "|" +
                            std::to_string(r.late) + "|" + std::to_string(std::strlen(r.json) == r.json_length) + "|" + r.jid + "|" + r.id +
                            "|" + r.fun + "|" + r.event_id + "|" + r.tag;
    delivery->away(delivery->context, all.c_str());
  }
  return 0;
}

void close_it(void* handle) { delete static_cast<int*>(handle); }

}  // namespace

extern "C" const brine_returner_plugin* brine_returner_plugin_v1(void) {
  static const brine_returner_plugin kPlugin = {BRINE_RETURNER_ABI_VERSION, &open_it, &deliver, &close_it};
  return &kPlugin;
}
