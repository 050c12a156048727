// The outputters: values as text, in the format that --out names.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/json.h"
#include "cli/output/look.h"

namespace brine::cli {

enum class Format { kNested, kJson, kYaml, kTxt, kRaw, kQuiet };

// kInvalid with the names that there are.
Result<Format> parse_format(std::string_view name);

// What one minion returned.
struct Entry {
  Json value;
  int retcode = 0;
};

// Immutable. Every text ends with a newline, or is empty.
class Printer {
 public:
  Printer(Format format, Look look) : format_(format), look_(look) {}

  Format format() const { return format_; }
  const Look& look() const { return look_; }
  // True when programs read standard output: nothing but values belongs there.
  bool for_programs() const { return format_ != Format::kNested; }

  // One return as it comes; json: one object on one line.
  std::string entry(const std::string& id, const Entry& entry) const;
  // All of them as one value (--static); json: one object on one line.
  std::string entries(const std::map<std::string, Entry>& entries) const;
  // A value by itself (brine-run, brine-call); json is indented by 4.
  std::string value(const Json& value, int retcode = 0) const;

 private:
  const Format format_;
  const Look look_;
};

}  // namespace brine::cli
