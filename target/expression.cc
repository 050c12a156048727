#include "target/expression.h"

#include <fmt/format.h>

#include <utility>

#include "target/compound.h"
#include "target/condition.h"

namespace brine::target {

struct Expression::Content {
  Kind kind;
  std::string text;
  char delimiter;
  Condition condition;
  std::optional<IdList> only_ids;
};

namespace {

Parsed<Condition> parse_condition(Kind kind, std::string_view text, char delimiter) {
  if (text.empty() && kind != Kind::kPillar && kind != Kind::kNodegroup) return mistake(0, "the target is empty");
  if (kind == Kind::kCompound) return parse_compound(text);
  auto term = parse_term(kind, text, delimiter);
  if (!term) return std::unexpected(std::move(term.error()));
  return Condition::of(std::move(*term));
}

}  // namespace

Result<Expression> parse(Kind kind, std::string_view text, char delimiter) {
  const std::size_t most = kind == Kind::kList ? kMaxListBytes : kMaxTextBytes;
  if (text.size() > most)
    return fail(Code::kInvalid, fmt::format("a target of this kind has at most {} bytes; this one has {}", most, text.size()));
  if (delimiter < ' ' || delimiter > '~') return fail(Code::kInvalid, "the delimiter of grains is one printable ASCII character");
  auto condition = parse_condition(kind, text, delimiter);
  if (!condition) return std::unexpected(to_error(condition.error(), text));
  auto ids = only_ids(*condition);
  return Expression(std::make_shared<const Expression::Content>(
      Expression::Content{kind, std::string(text), delimiter, std::move(*condition), std::move(ids)}));
}

Kind Expression::kind() const { return content_->kind; }
const std::string& Expression::text() const { return content_->text; }
char Expression::delimiter() const { return content_->delimiter; }

bool Expression::matches(const MinionView& minion) const { return target::matches(content_->condition, minion); }

const std::vector<MinionId>* Expression::only_ids() const { return content_->only_ids ? &*content_->only_ids : nullptr; }

}  // namespace brine::target
