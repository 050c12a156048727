#include "base/secret_file.h"

#include "base/file.h"

namespace brine {

Result<std::string> read_secret(const std::string& path) {
  BRINE_LET(std::string secret, read_secret_file(path));
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  if (secret.empty()) return fail(Code::kInvalid, path + " is empty: it has to hold the password or key");
  return secret;
}

}  // namespace brine
