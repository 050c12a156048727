// The small templates of `brine-run mine.watch --template`: sections and names of Mustache (https://mustache.github.io), for configuration
// files.
//
//   {{name}} {{a.b}} {{.}}        the value; every character that may mean something in a configuration file becomes '_' (see below)
//   {{{name}}} {{&name}}          the value as it is
//   {{#name}} ... {{/name}}       for each item of a list; once for a value that is there (and not false, null, "", or an empty list)
//   {{^name}} ... {{/name}}       when it is not there
//   {{! text }}                   nothing
//
// A line with nothing but a section's tag or a comment leaves nothing, its line break included. Names are looked up in the innermost
// section first. Values come from minions: in {{name}} only letters, digits and . _ : / @ % + = , [ ] ~ - stand as they are, so that no
// minion can write a line, or a directive, into the file. Lists and maps are shown as JSON, by {{{name}}} only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/json.h"

namespace brine::cli {

// Immutable.
class Template {
 public:
  // kInvalid with the line, for a tag or section that does not end, or ends what was not begun.
  static Result<Template> parse(std::string_view text);

  // What is not in the data is empty.
  std::string render(const Json& data) const;

 private:
  enum class Kind { kText, kSafe, kRaw, kSection, kInverted };
  struct Piece {
    Kind kind = Kind::kText;
    std::string text;  // or the name
    std::vector<Piece> inside;
  };
  struct Parser;
  using Scope = std::vector<const Json*>;

  static void render(const std::vector<Piece>& pieces, Scope& scope, std::string& out);
  static const Json* find(const Scope& scope, const std::string& name);

  std::vector<Piece> pieces_;
};

}  // namespace brine::cli
