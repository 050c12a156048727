// Which returns a returner gets (config/returner_config.h). Immutable, so any thread may ask.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/returner_config.h"
#include "store/records.h"
#include "target/glob.h"

namespace brine::returners {

class Filter {
 public:
  Filter() = default;  // takes every return
  // kInvalid for a pattern that is too long.
  static Result<Filter> make(const config::ReturnerFilter& only, const config::ReturnerFilter& except);

  bool takes(const store::OutboxEntry& entry) const;

 private:
  struct Lists {
    std::vector<target::Glob> functions, minions;
    std::vector<std::string> outcomes;
  };
  static Result<Lists> compile(const config::ReturnerFilter& filter);

  Lists only_, except_;
};

// A list of globs, of which one has to match.
Result<std::vector<target::Glob>> compile_globs(const std::vector<std::string>& patterns);
bool any_matches(const std::vector<target::Glob>& globs, std::string_view text);

}  // namespace brine::returners
