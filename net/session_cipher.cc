#include "net/session_cipher.h"

#include "base/bytes.h"

namespace brine::net {
namespace {

constexpr std::uint64_t kMaxFrames = 1ULL << 32;
constexpr std::size_t kCounterBytes = 8;

std::string iv_for(const std::string& base, std::uint64_t counter) {
  std::string iv = base;
  for (std::size_t i = 0; i < kCounterBytes; ++i)
    iv[kIvBytes - 1 - i] =
        static_cast<char>(static_cast<std::uint8_t>(iv[kIvBytes - 1 - i]) ^ static_cast<std::uint8_t>(counter >> (8 * i)));
  return iv;
}

}  // namespace

SessionCipher::SessionCipher(const SessionKeys& keys, Side side, std::uint64_t rekey_interval)
    : session_id_(keys.session_id),
      rekey_interval_(rekey_interval),
      out_(side == Side::kMinion ? keys.minion_to_master_key : keys.master_to_minion_key,
           side == Side::kMinion ? keys.minion_to_master_iv : keys.master_to_minion_iv, side == Side::kMinion ? 'U' : 'D'),
      in_(side == Side::kMinion ? keys.master_to_minion_key : keys.minion_to_master_key,
          side == Side::kMinion ? keys.master_to_minion_iv : keys.minion_to_master_iv, side == Side::kMinion ? 'D' : 'U') {}

std::string SessionCipher::aad(const Direction& direction) const {
  std::string bytes = session_id_;
  bytes.push_back(direction.label);
  bytes.push_back(static_cast<char>(wire::FrameType::kSealed));
  bytes.push_back(static_cast<char>(wire::kWireVersion));
  return bytes;
}

void SessionCipher::advance(Direction& direction) const {
  if (++direction.counter % rekey_interval_ != 0) return;
  std::string next = hkdf_expand(direction.key, "brine-v1 rekey", kKeyBytes + kIvBytes);
  wipe(direction.key);
  direction.key = next.substr(0, kKeyBytes);
  direction.iv = next.substr(kKeyBytes);
  direction.aead = Aead(direction.key);
  wipe(next);
}

Result<std::string> SessionCipher::seal(std::string_view plain) {
  if (out_.counter >= kMaxFrames) return fail(Code::kFull, "the session has carried 2^32 messages");
  std::string frame = wire::make_frame(wire::FrameType::kSealed, {});
  frame.reserve(wire::kFrameHeader + kCounterBytes + plain.size() + kTagBytes);
  append_le(frame, out_.counter);
  out_.aead.seal(iv_for(out_.iv, out_.counter), aad(out_), plain, frame);
  advance(out_);
  return frame;
}

Result<std::string> SessionCipher::open(std::string_view frame_body) {
  if (frame_body.size() < kCounterBytes + kTagBytes) return fail(Code::kCorrupt, "a sealed message is too short");
  if (read_le<std::uint64_t>(frame_body) != in_.counter || in_.counter >= kMaxFrames)
    return fail(Code::kCorrupt, "a sealed message came twice or out of order");
  BRINE_LET(std::string plain, in_.aead.open(iv_for(in_.iv, in_.counter), aad(in_), frame_body.substr(kCounterBytes)));
  advance(in_);
  return plain;
}

}  // namespace brine::net
