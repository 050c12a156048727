// A target expression: which minions a job is for. One parser and one matcher for command line, master, syndic and minion, so that they
// cannot disagree.
//
// Names, prefixes and meaning are Salt's: see target/README.md.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "target/kind.h"
#include "target/minion_view.h"

namespace brine::target {

struct Condition;

constexpr std::size_t kMaxTextBytes = std::size_t{64} << 10;
// Of a kList, which scripts make from inventories.
constexpr std::size_t kMaxListBytes = std::size_t{256} << 10;

// Immutable, usable from several threads at once, cheap to copy (copies share what was parsed).
class Expression {
 public:
  Kind kind() const;
  const std::string& text() const;
  char delimiter() const;

  // Never fails: a pattern that runs into its limits on this minion (target/regex.h, target/grain_pattern.h) does not match it.
  bool matches(const MinionView& minion) const;

  // The only minions that can match, sorted, if the expression names them (a list, a glob without wildcard, "E@web.* and L@web1,web2");
  // otherwise null. Lives as long as the expression.
  const std::vector<MinionId>* only_ids() const;

 private:
  struct Content;
  friend Result<Expression> parse(Kind kind, std::string_view text, char delimiter);
  explicit Expression(std::shared_ptr<const Content> content) : content_(std::move(content)) {}

  std::shared_ptr<const Content> content_;
};

// delimiter separates the keys of nested grains in kGrain and kGrainRegex. Inside a compound it is always ':', unless a term brings its own
// ("G|@key|value").
//
// Fails with kInvalid, or with kUnsupported for pillar and nodegroup targets. The message has three lines: what is wrong and what to do,
// the text, and a caret under the offending column (target/caret.h).
Result<Expression> parse(Kind kind, std::string_view text, char delimiter = ':');

}  // namespace brine::target
