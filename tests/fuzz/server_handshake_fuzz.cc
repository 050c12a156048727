// A handshake with a stranger or with somebody in between. The first byte says which message is made up or altered; whatever it is, it
// must never give a session that both sides share.

#include <cstdint>
#include <cstdlib>
#include <optional>

#include "net/handshake.h"
#include "tests/fuzz/genuine.h"
#include "wire/frame.h"

namespace {

using namespace brine;
using namespace brine::net;

constexpr UnixMicros kNow = 1'709'210'096'000'000;

SigningKey key_of(char fill) { return SigningKey::from_seed(std::string(kKeyBytes, fill)).value(); }
std::string body_of(const std::string& frame) { return frame.substr(wire::kFrameHeader); }

std::shared_ptr<const ServerIdentity> make_identity() {
  const SigningKey root = key_of('R');
  const SigningKey master = key_of('M');
  wire::Manifest manifest;
  manifest.root = root.public_key();
  manifest.epoch = 1;
  manifest.not_after = kNow + 1;
  manifest.members = {{master.public_key(), std::string(kKeyBytes, 'w'), wire::Role::kMaster, "m", 1, manifest.not_after}};
  return std::make_shared<const ServerIdentity>(
      ServerIdentity{master, sha256(root.public_key()), encode(sign_manifest(root, manifest)), 1});
}

struct Parties {
  std::shared_ptr<const ServerIdentity> identity = make_identity();
  SigningKey minion_key = key_of('m');
  Trust trust{""};
  TicketKeeper tickets{milliseconds(3'600'000)};
  ClientOptions options;

  Parties() {
    tickets.rotate(kNow);
    options.id = MinionId::trusted("web1");
  }
};

void stranger_greets(Parties& parties, std::string_view bytes) {
  ServerHandshake server(parties.identity, parties.tickets);
  if (server.begin(bytes, kNow)) static_cast<void>(server.reply());
  if (server.finish(bytes)) std::abort();
}

void hello_is_altered(Parties& parties, std::string_view edits) {
  ClientHandshake client(parties.minion_key, parties.trust, parties.options);
  const std::string hello = altered(body_of(client.hello()), edits);
  if (hello == body_of(client.hello())) return;
  ServerHandshake server(parties.identity, parties.tickets);
  if (!server.begin(hello, kNow)) return;
  const auto answer = server.reply();
  if (answer && client.finish(body_of(*answer), kNow)) std::abort();
}

// An answer made up, or the genuine one altered.
void answer_is_altered(Parties& parties, std::string_view bytes, bool made_up) {
  ClientHandshake client(parties.minion_key, parties.trust, parties.options);
  ServerHandshake server(parties.identity, parties.tickets);
  if (!server.begin(body_of(client.hello()), kNow)) std::abort();
  const std::string genuine = body_of(server.reply().value());
  const std::string answer = made_up ? std::string(bytes) : altered(genuine, bytes);
  const auto step = client.finish(answer, kNow);
  if (answer == genuine && !step) std::abort();
  if (step && server.finish(body_of(step->finish_frame)).has_value() != (answer == genuine)) std::abort();
}

void finish_is_altered(Parties& parties, std::string_view bytes, bool made_up) {
  ClientHandshake client(parties.minion_key, parties.trust, parties.options);
  ServerHandshake server(parties.identity, parties.tickets);
  if (!server.begin(body_of(client.hello()), kNow)) std::abort();
  const auto step = client.finish(body_of(server.reply().value()), kNow).value();
  const std::string finish = made_up ? std::string(bytes) : altered(body_of(step.finish_frame), bytes);
  const auto peer = server.finish(finish);
  const bool genuine = finish == body_of(step.finish_frame);
  if (genuine && !peer) std::abort();
  if (peer && (peer->keys.master_to_minion_key == step.keys.master_to_minion_key) != genuine) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Parties parties;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0: stranger_greets(parties, bytes); break;
    case 1: hello_is_altered(parties, bytes); break;
    case 2: answer_is_altered(parties, bytes, true); break;
    case 3: answer_is_altered(parties, bytes, false); break;
    case 4: finish_is_altered(parties, bytes, true); break;
    default: finish_is_altered(parties, bytes, false); break;
  }
  return 0;
}
