#include "net/key_files.h"

#include "base/bytes.h"
#include "base/file.h"

namespace brine::net {
namespace {

constexpr std::string_view kPrefix = "ed25519 ";

}  // namespace

std::string public_key_text(std::string_view public_key) { return std::string(kPrefix) + to_hex(public_key) + "\n"; }

Result<SigningKey> load_key(const std::string& path) {
  BRINE_LET(std::string text, read_secret_file(path));
  const auto malformed = [&] { return fail(Code::kInvalid, path + " is not an Ed25519 key: one line, 'ed25519 <64 hexadecimal digits>'"); };
  std::string_view line = text;
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (!line.starts_with(kPrefix)) return malformed();
  auto seed = from_hex(line.substr(kPrefix.size()));
  wipe(text);
  if (!seed) return malformed();
  auto key = SigningKey::from_seed(*seed);
  wipe(*seed);
  if (!key) return malformed();
  return key;
}

Result<SigningKey> create_key(const std::string& folder, const std::string& name) {
  SigningKey key = SigningKey::generate();
  std::string seed = key.seed();
  std::string text = std::string(kPrefix) + to_hex(seed) + "\n";
  wipe(seed);
  auto created = create_file(folder + "/" + name + ".key", text, 0600);
  wipe(text);
  if (!created) return std::unexpected(created.error());
  BRINE_TRY(replace_file(folder + "/" + name + ".pub", public_key_text(key.public_key()), 0644));
  return key;
}

Result<SigningKey> load_or_create_key(const std::string& folder, const std::string& name) {
  auto key = load_key(folder + "/" + name + ".key");
  if (key || key.error().code != Code::kNotFound) return key;
  return create_key(folder, name);
}

}  // namespace brine::net
