// Ed25519 keys as files: NAME.key (0600) and NAME.pub, one line of text each: "ed25519 <hex>".
#pragma once

#include <string>

#include "base/result.h"
#include "net/crypto.h"

namespace brine::net {

// kNotFound when there is none; kDenied when others may read it.
Result<SigningKey> load_key(const std::string& path);
// Makes folder/name.key and folder/name.pub; kExists when the key is there already.
Result<SigningKey> create_key(const std::string& folder, const std::string& name);
Result<SigningKey> load_or_create_key(const std::string& folder, const std::string& name);

std::string public_key_text(std::string_view public_key);

}  // namespace brine::net
