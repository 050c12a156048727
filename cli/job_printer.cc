#include "cli/job_printer.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/exit_status.h"

namespace brine::cli {
namespace {

constexpr std::size_t kLargeTarget = 100;  // minions from which a progress line is worth its flicker
constexpr milliseconds kProgressEvery{100};
constexpr std::string_view kRule = "-------------------------------------------";

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

// What the text says beyond the label: "not connected; the job stays open" -> "the job stays open".
std::string_view beyond(std::string_view text, const std::string& label) {
  if (lower(text).starts_with(lower(label))) text.remove_prefix(label.size());
  text.remove_prefix(std::min(text.find_first_not_of(";:,. "), text.size()));
  return text;
}

Json value_of(const wire::MinionReturn& value) {
  Json json = value.payload.empty() ? Json() : parse_value(value.payload);
  if (json.is_null() && value.state != "returned") return label_of(value.state);
  return json;
}

}  // namespace

std::string label_of(std::string_view state) {
  if (state == "running") return "Still running";
  if (state.empty()) return "Unknown";
  std::string label(state);
  std::ranges::replace(label, '_', ' ');
  if (label[0] >= 'a' && label[0] <= 'z') label[0] = static_cast<char>(label[0] - 32);
  return label;
}

JobPrinter::JobPrinter(const Printer& printer, JobDisplay display, Terminal& terminal)
    : printer_(printer), display_(display), terminal_(terminal) {}

void JobPrinter::accepted(const wire::Accepted& accepted) {
  expected_ = accepted.expected;
  const bool watched = terminal_.err_is_terminal() && printer_.format() != Format::kQuiet;
  show_progress_ = watched && !display_.detached && (display_.progress || (expected_ >= kLargeTarget && terminal_.out_is_terminal()));
  if (display_.detached) return show_jid(accepted.jid.str());
  if (!display_.verbose) return;
  const std::string text = fmt::format("Executing job with jid {}\n{}\n\n", accepted.jid.str(), kRule);
  printer_.for_programs() ? terminal_.err(text) : terminal_.out(text);
}

void JobPrinter::show_jid(const std::string& jid) {
  switch (printer_.format()) {
    case Format::kJson:
    case Format::kYaml: return terminal_.out(printer_.entry("jid", {.value = jid}));
    case Format::kQuiet: return;
    default: return terminal_.out(fmt::format("Executed command with job ID: {}\n", jid));
  }
}

// A minion that does not match is not one of those that were asked (DESIGN.md section 9).
void JobPrinter::returned(const wire::MinionReturn& value) {
  clear_progress();
  ++answered_;
  if (value.state == "no_match") {
    if (display_.verbose) terminal_.err(fmt::format("{}: no longer matches the target\n", value.minion.str()));
    return;
  }
  failed_ = failed_ || !value.success;
  Entry entry{.value = value_of(value), .retcode = value.success ? value.retcode : std::max(value.retcode, 1)};
  if (display_.collect)
    collected_.insert_or_assign(value.minion.str(), std::move(entry));
  else
    terminal_.out(printer_.entry(value.minion.str(), entry));
}

void JobPrinter::finished(const wire::Finished& finished) {
  clear_progress();
  missing_ = missing_ || !finished.missing.empty();
  for (const wire::Missing& missing : finished.missing) show_missing(missing);
  show_collected();
  if (failed_ && printer_.format() != Format::kQuiet) terminal_.err("ERROR: Minions returned with non-zero exit code\n");
  terminal_.flush();
}

void JobPrinter::show_missing(const wire::Missing& missing) {
  const std::string label = label_of(missing.state);
  const std::string sentence = fmt::format("Minion did not return. [{}]", label);
  const std::string more = printer_.look().safe(beyond(missing.text, label));
  if (printer_.format() == Format::kQuiet) return;
  if (printer_.for_programs()) {
    const std::string reason = more.empty() ? "" : " " + more;
    return terminal_.err(fmt::format("{}: {}{}\n", missing.minion.str(), sentence, reason));
  }
  const Look& look = printer_.look();
  std::string block = look.painted(Colour::kCyan, missing.minion.str() + ":") + "\n    " + look.painted(Colour::kRed, sentence) + "\n";
  if (!more.empty()) block += "    " + look.painted(Colour::kRed, more) + "\n";
  if (display_.collect)
    missing_blocks_.emplace(missing.minion.str(), std::move(block));
  else
    terminal_.out(block);
}

// In the order of the ids, missing minions in their places.
void JobPrinter::show_collected() {
  if (!display_.collect || display_.detached) return;
  if (printer_.for_programs()) return terminal_.out(printer_.entries(collected_));
  for (const auto& [id, entry] : collected_) missing_blocks_.emplace(id, printer_.entry(id, entry));
  for (const auto& [id, block] : missing_blocks_) terminal_.out(block);
}

void JobPrinter::connection_lost(const Error& reason) {
  clear_progress();
  terminal_.err(fmt::format("{}; trying again\n", reason.message));
}

void JobPrinter::idle() {
  show_progress();
  terminal_.flush();
}

void JobPrinter::give_up() {
  clear_progress();
  show_collected();
  terminal_.flush();
}

void JobPrinter::show_progress() {
  const MonoTime now = std::chrono::steady_clock::now();
  if (!show_progress_ || answered_ >= expected_ || (progress_shown_ && now < next_progress_)) return;
  next_progress_ = now + kProgressEvery;
  terminal_.err(fmt::format("\r\x1b[K{} of {} minions have answered", answered_, expected_));
  progress_shown_ = true;
}

void JobPrinter::clear_progress() {
  if (!std::exchange(progress_shown_, false)) return;
  terminal_.err("\r\x1b[K");
}

int JobPrinter::exit_status() const { return missing_ ? kMinionMissing : failed_ ? kFunctionFailed : kSucceeded; }

}  // namespace brine::cli
