#include "target/regex.h"

#include <algorithm>
#include <utility>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace brine::target {
namespace {

constexpr std::uint32_t kMaxSteps = 20'000;
constexpr std::uint32_t kMaxDepth = 5'000;
constexpr std::uint32_t kMaxHeapKib = 2'048;

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using Code8 = std::unique_ptr<pcre2_code, FreeWith<pcre2_code_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, FreeWith<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, FreeWith<pcre2_match_data_free>>;

PCRE2_SPTR as_sptr(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data() == nullptr ? "" : text.data()); }

std::string describe(int error) {
  PCRE2_UCHAR buffer[256];
  if (pcre2_get_error_message(error, buffer, sizeof buffer) < 0) return "not a regular expression";
  return std::string("not a regular expression: ") + reinterpret_cast<const char*>(buffer);
}

}  // namespace

struct Regex::Compiled {
  Code8 code;
  MatchContext limits;
};

Parsed<Regex> Regex::compile(std::string_view pattern, Case letters) {
  if (pattern.size() > kMaxBytes) return mistake(kMaxBytes, "a regular expression has at most 4096 bytes");
  std::uint32_t options = PCRE2_ANCHORED | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
  if (letters == Case::kInsensitive) options |= PCRE2_CASELESS;
  int error = 0;
  PCRE2_SIZE offset = 0;
  Code8 code(pcre2_compile(as_sptr(pattern), pattern.size(), options, &error, &offset, nullptr));
  if (!code) return mistake(std::min<std::size_t>(offset, pattern.size()), describe(error));
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // where it cannot, the interpreter matches

  MatchContext limits(pcre2_match_context_create(nullptr));
  if (!limits) return mistake(0, "out of memory", Code::kInternal);
  pcre2_set_match_limit(limits.get(), kMaxSteps);
  pcre2_set_depth_limit(limits.get(), kMaxDepth);
  pcre2_set_heap_limit(limits.get(), kMaxHeapKib);
  return Regex(std::make_shared<const Compiled>(Compiled{std::move(code), std::move(limits)}));
}

bool Regex::matches(std::string_view text) const {
  const MatchData data(pcre2_match_data_create(1, nullptr));
  if (!data) return false;
  return pcre2_match(compiled_->code.get(), as_sptr(text), text.size(), 0, 0, data.get(), compiled_->limits.get()) >= 0;
}

}  // namespace brine::target
