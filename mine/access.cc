#include "mine/access.h"

#include "base/log.h"

namespace brine::mine {

Result<Access> Access::parse(std::string_view text) {
  Access access;
  access.everyone_ = text.empty();
  if (text.empty()) return access;
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return fail(Code::kInvalid, "who may read a mine entry is given as \"<tgt_type> <target>\"");
  BRINE_LET(const target::Kind kind, target::parse_kind(text.substr(0, blank)));
  BRINE_LET(access.only_, target::parse(kind, text.substr(blank + 1)));
  return access;
}

Access Access::of(std::string_view text) {
  auto access = parse(text);
  if (access) return std::move(*access);
  log::debug("a mine entry is shown to nobody: {}", access.error().message);
  return {};
}

}  // namespace brine::mine
