// Who may read an entry of the mine: allow_tgt and allow_tgt_type of Salt, as one text, "<tgt_type> <target>". An empty text: everyone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "target/expression.h"

namespace brine::mine {

// Immutable.
class Access {
 public:
  // kInvalid and kUnsupported as target::parse.
  static Result<Access> parse(std::string_view text);
  // What cannot be understood (an older or newer brine wrote it) admits nobody.
  static Access of(std::string_view text);

  // Whether another minion than the one whose entry it is may read it.
  bool admits(const target::MinionView& reader) const { return everyone_ || (only_ && only_->matches(reader)); }

 private:
  bool everyone_ = false;
  std::optional<target::Expression> only_;
};

// The text for a target of this kind.
inline std::string access_text(std::string_view target_kind, std::string_view target) {
  return target.empty() ? std::string() : std::string(target_kind).append(" ").append(target);
}

}  // namespace brine::mine
