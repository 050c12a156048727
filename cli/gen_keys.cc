#include "cli/gen_keys.h"

#include "base/file.h"
#include "base/ids.h"
#include "net/key_files.h"

namespace brine::cli {

Status generate_key_pair_files(const std::string& folder, const std::string& name) {
  if (!is_path_component(name)) return fail(Code::kInvalid, "'" + name + "' cannot be the name of a file");
  BRINE_TRY(make_folders(folder, 0700));
  auto key = net::create_key(folder, name);
  if (!key) return std::unexpected(std::move(key.error()));
  return {};
}

}  // namespace brine::cli
