// What a minion shows to be let in without an operator: ID.SECRET, in hexadecimal digits, safe for shells. The id is public; of the secret
// masters keep a hash only. Errors never contain what was given.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace brine {

struct JoinToken {
  static constexpr std::size_t kIdBytes = 8;
  static constexpr std::size_t kSecretBytes = 16;

  std::string id;      // 16 digits
  std::string secret;  // 32 digits

  // kInvalid: not of that form.
  static Result<JoinToken> parse(std::string_view text);
  static bool is_id(std::string_view text);
  std::string text() const { return id + '.' + secret; }
};

}  // namespace brine
