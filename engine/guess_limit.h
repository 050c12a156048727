// How often a source may be wrong before it is not listened to for a while. Remembers a bounded number of sources: of more, the one that it
// has known for longest is forgotten. Confined to its owner's loop.
#pragma once

#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace brine::engine {

class GuessLimit {
 public:
  struct Options {
    std::uint32_t wrong = 20;  // that many within
    seconds within{60};        // this time, and there is
    seconds pause{60};         // a pause of this length
    std::size_t sources = 4'096;
  };
  explicit GuessLimit(Options options) : options_(options) {}

  bool pauses(const std::string& source, MonoTime now) const;
  // True: its pause begins.
  bool wrong(const std::string& source, MonoTime now);
  std::size_t size() const { return sources_.size(); }

 private:
  struct Source {
    MonoTime begun;
    std::uint32_t wrong = 0;
  };
  bool is_paused(const Source& source, MonoTime now) const;
  bool is_over(const Source& source, MonoTime now) const;
  void make_room(MonoTime now);

  const Options options_;
  std::unordered_map<std::string, Source> sources_;
};

}  // namespace brine::engine
