#include "base/join_token.h"

#include <algorithm>

namespace brine {
namespace {

bool is_hex(std::string_view text, std::size_t bytes) {
  return text.size() == 2 * bytes &&
         std::ranges::all_of(text, [](char digit) { return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'); });
}

}  // namespace

bool JoinToken::is_id(std::string_view text) { return is_hex(text, kIdBytes); }

Result<JoinToken> JoinToken::parse(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || !is_id(text.substr(0, dot)) || !is_hex(text.substr(dot + 1), kSecretBytes))
    return fail(Code::kInvalid, "not a join token: brine-key --token-create prints one, 16 hexadecimal digits, '.', and 32 more");
  return JoinToken{std::string(text.substr(0, dot)), std::string(text.substr(dot + 1))};
}

}  // namespace brine
