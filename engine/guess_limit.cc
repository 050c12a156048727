#include "engine/guess_limit.h"

#include <algorithm>

namespace brine::engine {

// From the guess that was one too many on, `begun` is the begin of the pause.
bool GuessLimit::is_paused(const Source& source, MonoTime now) const {
  return source.wrong >= options_.wrong && now < source.begun + options_.pause;
}

bool GuessLimit::is_over(const Source& source, MonoTime now) const {
  return now >= source.begun + (source.wrong >= options_.wrong ? options_.pause : options_.within);
}

bool GuessLimit::pauses(const std::string& source, MonoTime now) const {
  const auto found = sources_.find(source);
  return found != sources_.end() && is_paused(found->second, now);
}

bool GuessLimit::wrong(const std::string& source, MonoTime now) {
  if (!sources_.contains(source)) make_room(now);
  Source& known = sources_.try_emplace(source, Source{now}).first->second;
  if (is_over(known, now)) known = {now};
  if (++known.wrong != options_.wrong) return false;
  known.begun = now;
  return true;
}

void GuessLimit::make_room(MonoTime now) {
  if (sources_.size() < options_.sources) return;
  std::erase_if(sources_, [&](const auto& entry) { return is_over(entry.second, now); });
  if (sources_.size() < options_.sources) return;
  sources_.erase(std::ranges::min_element(sources_, {}, [](const auto& entry) { return entry.second.begun; }));
}

}  // namespace brine::engine
