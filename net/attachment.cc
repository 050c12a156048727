#include "net/attachment.h"

#include "base/bytes.h"

namespace brine::net {
namespace {

std::string text_of(const MinionId& id, std::string_view cluster_root, std::string_view syndic_key, UnixMicros issued) {
  std::string text("brine-behind-v1");
  text.push_back('\0');
  text += cluster_root;
  text += syndic_key;
  text += id.str();
  text.push_back('\0');
  append_le(text, issued);
  return text;
}

}  // namespace

store::Attachment attach(const SigningKey& own, const MinionId& id, std::string_view cluster_root, std::string_view syndic_key,
                         UnixMicros issued) {
  return {id, own.public_key(), issued, own.sign(text_of(id, cluster_root, syndic_key, issued))};
}

Status verify_chain(const wire::Chain& chain, std::string_view cluster_root, std::string_view syndic_key) {
  if (chain.empty()) return fail(Code::kDenied, "nobody says that it is behind this syndic");
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const store::Attachment& link = chain[i];
    const std::string_view above = i + 1 < chain.size() ? std::string_view(chain[i + 1].public_key) : syndic_key;
    if (!verify_signature(link.public_key, text_of(link.id, cluster_root, above, link.issued), link.signature))
      return fail(Code::kDenied, link.id.str() + " has not said that it is behind this syndic");
  }
  return {};
}

}  // namespace brine::net
