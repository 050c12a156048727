#include "returners/plugin/plugin_returner.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "base/log.h"
#include "returners/plugin/plugin_library.h"

namespace brine::returners {
namespace {

constexpr std::size_t kLongestReason = 1'000;

// Printable, and of a bounded length, whatever a plug-in says.
std::string reason(const char* why) {
  std::string text(why == nullptr ? "" : why, why == nullptr ? 0 : ::strnlen(why, kLongestReason));
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text.empty() ? "it gives no reason" : text;
}

// Called by the plug-in, through C: nothing may leave by an exception.
struct Answers {
  const std::stop_token& stop;
  std::map<std::size_t, std::string> refused;
  std::string away;

  static void on_refuse(void* context, std::size_t index, const char* why) noexcept {
    static_cast<Answers*>(context)->refused.insert_or_assign(index, reason(why));
  }
  static void on_away(void* context, const char* why) noexcept { static_cast<Answers*>(context)->away = reason(why); }
  static int on_stopping(void* context) noexcept { return static_cast<Answers*>(context)->stop.stop_requested() ? 1 : 0; }
};

brine_record view_of(const Record& record, const std::string& jid) {
  const store::OutboxEntry& entry = record.entry;
  const bool event = entry.is_event();
  return {.kind = event ? BRINE_EVENT : BRINE_RETURN,
          .retcode = entry.value.retcode,
          .success = entry.value.success ? 1 : 0,
          .late = entry.late ? 1 : 0,
          .json = record.json.c_str(),
          .json_length = record.json.size(),
          .jid = jid.c_str(),
          .id = event ? "" : entry.value.minion.str().c_str(),
          .fun = entry.function.c_str(),
          .event_id = entry.event.id.c_str(),
          .tag = entry.event.tag.c_str()};
}

class PluginReturner final : public Returner {
 public:
  PluginReturner(PluginLibrary library, void* handle) : library_(std::move(library)), handle_(handle) {}
  PluginReturner(const PluginReturner&) = delete;
  PluginReturner& operator=(const PluginReturner&) = delete;
  ~PluginReturner() override {
    try {
      library_.table().close(handle_);
    } catch (...) {
      log::error("a plug-in let an exception out of close(), which it may not");
    }
  }

  Delivery deliver(std::span<const Record> records, const std::stop_token& stop) override {
    Answers answers{stop, {}, {}};
    const std::size_t settled = ask(records, answers);
    if (settled > records.size()) return away("counts more records than it was given");
    Delivery delivery{.settled = settled};
    for (auto& [index, why] : answers.refused) {
      if (index < settled) delivery.refused.push_back({index, std::move(why)});
    }
    if (settled < records.size()) delivery.status = away(answers.away.empty() ? "it gives no reason" : answers.away).status;
    return delivery;
  }

 private:
  std::size_t ask(std::span<const Record> records, Answers& answers) const {
    std::vector<std::string> jids;
    std::vector<brine_record> views;
    jids.reserve(records.size());
    views.reserve(records.size());
    for (const Record& record : records) {
      jids.push_back(record.entry.is_event() ? "" : record.entry.value.jid.str());
      views.push_back(view_of(record, jids.back()));
    }
    const brine_delivery delivery{&answers, &Answers::on_refuse, &Answers::on_away, &Answers::on_stopping};
    try {
      return library_.table().deliver(handle_, views.data(), views.size(), &delivery);
    } catch (...) {
      answers.refused.clear();
      answers.away = "threw a C++ exception, which it may not";
      return 0;
    }
  }

  Delivery away(const std::string& why) const { return Delivery::none({Code::kUnavailable, library_.path() + ": " + why}); }

  const PluginLibrary library_;
  void* const handle_;
};

}  // namespace

Result<std::unique_ptr<Returner>> open_plugin_returner(const config::PluginReturnerConfig& config) {
  BRINE_LET(PluginLibrary library, PluginLibrary::load(config.library));
  std::array<char, kLongestReason> error{};
  void* handle = nullptr;
  try {
    handle = library.table().open(config.settings.c_str(), error.data(), error.size());
  } catch (...) {
    return fail(Code::kInvalid, config.library + " threw a C++ exception, which it may not, when it was opened");
  }
  error.back() = '\0';
  if (handle == nullptr) return fail(Code::kInvalid, config.library + " does not open with its settings: " + reason(error.data()));
  return std::make_unique<PluginReturner>(std::move(library), handle);
}

}  // namespace brine::returners
