// pki_dir of a minion or syndic: its key, the pinned manifest, the admission cookie. Confined to its owner's thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "net/crypto.h"
#include "net/master_session.h"
#include "net/trust.h"

namespace brine::net {

class PkiFolder final : public Keepsake {
 public:
  // Made, with a key NAME.key in it, at the first start. master_finger: as for Trust.
  static Result<std::unique_ptr<PkiFolder>> open(const std::string& folder, const std::string& name, const std::string& master_finger);

  const SigningKey& key() const { return key_; }
  Trust& trust() { return trust_; }
  const std::string& cookie() const { return cookie_; }
  // Encoded; empty: no master has been met yet.
  const std::string& manifest() const { return manifest_; }

  void keep_manifest(const std::string& signed_manifest) override;
  void keep_cookie(const std::string& cookie) override;

 private:
  PkiFolder(std::string folder, SigningKey key, const std::string& master_finger)
      : folder_(std::move(folder)), key_(std::move(key)), trust_(master_finger) {}
  void keep(const char* name, const std::string& content, mode_t mode) const;

  const std::string folder_;
  const SigningKey key_;
  Trust trust_;
  std::string cookie_;
  std::string manifest_;
};

}  // namespace brine::net
