#include "cli/mine_watch.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>

#include "base/file.h"
#include "cli/exit_status.h"
#include "cli/output/look.h"
#include "cli/reload_command.h"
#include "net/operator_client.h"

namespace brine::cli {
namespace {

constexpr milliseconds kShortestWait{20};
constexpr milliseconds kLongestWait{200};  // to look for Ctrl-C
constexpr milliseconds kReadEvery{5'000};  // should an event be lost
constexpr milliseconds kReadAgain{100};    // between two reads, however many events there are
constexpr milliseconds kMasterAway{500};   // between two attempts
constexpr std::size_t kEventsAtOnce = 1'000;
constexpr std::size_t kMaxTemplate = 1U << 20;
constexpr const char* kSignature =
    "mine.watch(tgt, fun, tgt_type='glob', count=-1, once=False) [--exec CMD] [--template FILE --output-file FILE]";

Error wrong(const std::string& what) { return {Code::kInvalid, fmt::format("{}; usage: {}", what, kSignature)}; }

std::string text_of(const Json& value) {
  if (!value.is_array()) return value.is_string() ? value.get<std::string>() : to_text(value);
  std::string all;
  for (const Json& item : value) all += (all.empty() ? "" : ",") + text_of(item);
  return all;
}

Status set(MineWatch& watch, const std::string& name, const Json& value) {
  if (name == "tgt") {
    watch.target = text_of(value);
  } else if (name == "fun") {
    watch.name = text_of(value);
  } else if (name == "tgt_type") {
    watch.target_kind = text_of(value);
  } else if (name == "count") {
    if (!value.is_number_integer()) return std::unexpected(wrong("count is a whole number"));
    watch.count = value.get<std::int64_t>();
  } else if (name == "once") {
    if (!value.is_boolean()) return std::unexpected(wrong("once is True or False"));
    watch.once = value.get<bool>();
  } else {
    return std::unexpected(wrong(fmt::format("no parameter '{}'", name)));
  }
  return {};
}

bool concerns(const net::Event& event, const std::string& name) {
  if (event.tag == "brine/presence/change" || event.tag == "brine/key") return true;
  if (event.tag != "brine/mine/change") return false;
  const Json change = parse_value(event.json);
  return !change.is_object() || change.value("fun", name) == name;
}

class Watcher {
 public:
  Watcher(const MineWatch& watch, const MineWatchParts& parts, Terminal& terminal)
      : watch_(watch),
        parts_(parts),
        terminal_(terminal),
        look_(look_for(terminal, true)),
        command_(watch.output.exec, parts.clock, [this](const std::string& text) { say(text); }),
        left_(watch.count) {}

  int run() {
    if (!watch_.output.template_file.empty()) {
      if (auto read = read_template(); !read) return fail_with(read.error());
    }
    while (true) {
      if (terminal_.interrupt_fd() >= 0 && net::is_readable(terminal_.interrupt_fd())) return kSucceeded;
      if (!over_ && parts_.clock.now() >= next_read_) {
        if (const auto status = read()) return *status;
      }
      command_.poll();
      if (over_ && (command_.idle() || (watch_.once && command_.failed()))) return command_.failed() ? kFunctionFailed : kSucceeded;
      wait();
    }
  }

 private:
  void say(const std::string& text) { terminal_.err("brine-run: " + text + "\n"); }
  int fail_with(const Error& error) {
    say(error.message);
    return error.code == Code::kDenied || error.code == Code::kUnavailable ? kUsageOrConnection : kFunctionFailed;
  }

  Status read_template() {
    BRINE_LET(const std::string text, read_file(watch_.output.template_file, kMaxTemplate));
    auto parsed = Template::parse(text);
    if (!parsed) return fail(std::move(parsed.error()), watch_.output.template_file);
    template_ = std::move(*parsed);
    return {};
  }

  // A status when it is the end.
  std::optional<int> read() {
    Json arguments{{"args", Json::array()},
                   {"kwargs", {{"tgt", watch_.target}, {"fun", watch_.name}, {"tgt_type", watch_.target_kind}, {"settled", true}}}};
    const auto answer = parts_.ask("mine.entries", to_text(arguments));
    const MonoTime now = parts_.clock.now();
    const Error* error = !answer ? &answer.error() : std::get_if<Error>(&*answer);
    if (error != nullptr) {
      if (error->code == Code::kTimeout) return kSucceeded;  // Ctrl-C
      const bool away = error->code == Code::kUnavailable || error->code == Code::kBusy;
      if (!away) return fail_with(*error);
      if (!std::exchange(away_, true)) say(error->message + "; it is waited for");
      next_read_ = now + kMasterAway;
      return std::nullopt;
    }
    away_ = false;
    read_at_ = now;
    next_read_ = now + kReadEvery;
    return take(read_mine_entries(std::get<Json>(*answer)));
  }

  std::optional<int> take(MineEntries entries) {
    const std::vector<std::string> changes = mine_changes(entries_, entries, watch_.name);
    const bool first = !std::exchange(known_, true);
    entries_ = std::move(entries);
    for (const std::string& change : changes) {
      if (left_ == 0) break;
      terminal_.out(look_.safe(change) + "\n");
      if (left_ > 0) --left_;
    }
    terminal_.flush();
    over_ = watch_.once || left_ == 0;
    if (!changes.empty() || first) return act();
    return std::nullopt;
  }

  // With a template, the command is for what the file has become; it is not run when that is what it was.
  std::optional<int> act() {
    if (!template_) {
      command_.request();
      return std::nullopt;
    }
    const std::string text = template_->render(template_data(entries_, watch_.name));
    const auto before = read_file(watch_.output.output_file);
    if (before && *before == text) return std::nullopt;
    struct stat info{};
    const mode_t mode = ::stat(watch_.output.output_file.c_str(), &info) == 0 ? info.st_mode & 07777U : 0644;
    if (auto written = replace_file(watch_.output.output_file, text, mode); !written) return fail_with(written.error());
    command_.request();
    return std::nullopt;
  }

  void wait() {
    const auto left = std::chrono::duration_cast<milliseconds>(next_read_ - parts_.clock.now());
    milliseconds longest = command_.idle() ? std::clamp(left, milliseconds(0), kLongestWait) : kShortestWait;
    for (std::size_t seen = 0; seen < kEventsAtOnce; ++seen) {
      const auto event = parts_.next(longest);
      if (!event || !*event) return;
      if (concerns(**event, watch_.name)) next_read_ = std::min(next_read_, std::max(parts_.clock.now(), read_at_ + kReadAgain));
      longest = milliseconds(0);
    }
  }

  const MineWatch& watch_;
  const MineWatchParts& parts_;
  Terminal& terminal_;
  const Look look_;
  ReloadCommand command_;
  std::optional<Template> template_;
  MineEntries entries_;
  bool known_ = false;  // entries_ has been read
  bool away_ = false;
  bool over_ = false;
  std::int64_t left_;
  MonoTime read_at_{};
  MonoTime next_read_{};
};

}  // namespace

Result<MineWatch> read_mine_watch(const FunctionArguments& arguments, MineOutput output) {
  static constexpr std::array<const char*, 5> kPlaces{"tgt", "fun", "tgt_type", "count", "once"};
  MineWatch watch;
  watch.output = std::move(output);
  if (arguments.args.size() > kPlaces.size()) return std::unexpected(wrong("too many arguments"));
  for (std::size_t i = 0; i < arguments.args.size(); ++i) BRINE_TRY(set(watch, kPlaces.at(i), arguments.args[i]));
  for (const auto& [name, value] : arguments.kwargs) BRINE_TRY(set(watch, name, value));
  if (watch.target.empty()) return std::unexpected(wrong("a target is missing"));
  if (watch.name.empty() || watch.name.find(',') != std::string::npos) return std::unexpected(wrong("one name of an entry is needed"));
  if (watch.output.template_file.empty() != watch.output.output_file.empty())
    return std::unexpected(wrong("--template and --output-file belong together"));
  return watch;
}

MineEntries read_mine_entries(const Json& answer) {
  MineEntries entries;
  if (!answer.is_object()) return entries;
  for (const auto& [id, entry] : answer.items()) {
    if (entry.is_object() && entry.contains("value")) entries[id] = {entry.at("value"), entry.value("present", false)};
  }
  return entries;
}

std::vector<std::string> mine_changes(const MineEntries& before, const MineEntries& after, const std::string& name) {
  std::vector<std::string> changes;
  const auto tell = [&](const char* act, const std::string& id, const MineEntry& entry) {
    changes.push_back(to_text(Json{{"act", act}, {"id", id}, {"fun", name}, {"value", entry.value}, {"present", entry.present}}));
  };
  for (const auto& [id, entry] : before) {
    if (!after.contains(id)) changes.push_back(to_text(Json{{"act", "remove"}, {"id", id}, {"fun", name}}));
  }
  for (const auto& [id, entry] : after) {
    const auto known = before.find(id);
    if (known == before.end()) {
      tell("add", id, entry);
    } else if (known->second != entry) {
      tell("change", id, entry);
    }
  }
  return changes;
}

Json template_data(const MineEntries& entries, const std::string& name) {
  Json data{{"fun", name}, {"entries", Json::array()}, {"absent", Json::array()}};
  for (const auto& [id, entry] : entries) {
    Json& list = data[entry.present ? "entries" : "absent"];
    if (!list.empty()) list.back()["last"] = false;
    list.push_back({{"id", id}, {"value", entry.value}, {"first", list.empty()}, {"last", true}});
  }
  return data;
}

int watch_mine(const MineWatch& watch, const MineWatchParts& parts, Terminal& terminal) { return Watcher(watch, parts, terminal).run(); }

}  // namespace brine::cli
