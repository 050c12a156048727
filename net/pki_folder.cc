#include "net/pki_folder.h"

#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "net/key_files.h"

namespace brine::net {
namespace {

constexpr std::size_t kMaxCookie = 4096;
constexpr std::size_t kMaxManifest = 16U << 20;

}  // namespace

Result<std::unique_ptr<PkiFolder>> PkiFolder::open(const std::string& folder, const std::string& name, const std::string& master_finger) {
  BRINE_TRY(make_folders(folder, 0700));
  BRINE_LET(SigningKey key, load_or_create_key(folder, name));
  std::unique_ptr<PkiFolder> pki(new PkiFolder(folder, std::move(key), master_finger));
  if (auto cookie = read_file(folder + "/cookie", kMaxCookie)) pki->cookie_ = std::move(*cookie);
  auto manifest = read_file(folder + "/manifest", kMaxManifest);
  if (!manifest) {
    if (master_finger.empty()) log::warning("no master_finger: the first master's root key will be trusted");
    return pki;
  }
  // Its time is judged when a master shows one; here it only pins the root and the epoch.
  if (auto pinned = pki->trust_.admit(*manifest, 0); !pinned)
    return fail(pinned.error(), folder + "/manifest (remove it to trust another cluster)");
  pki->manifest_ = std::move(*manifest);
  return pki;
}

void PkiFolder::keep_manifest(const std::string& signed_manifest) {
  manifest_ = signed_manifest;
  keep("manifest", signed_manifest, 0644);
}

void PkiFolder::keep_cookie(const std::string& cookie) {
  cookie_ = cookie;
  keep("cookie", cookie, 0600);
}

void PkiFolder::keep(const char* name, const std::string& content, mode_t mode) const {
  if (auto kept = replace_file(folder_ + "/" + name, content, mode); !kept) log::error("{}", kept.error().message);
}

}  // namespace brine::net
