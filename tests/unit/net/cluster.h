// A small cluster as tests need it: root, one master, one syndic, their manifest. Keys are fixed, so that failures repeat.
#pragma once

#include <memory>
#include <string>

#include "net/handshake.h"
#include "net/tickets.h"
#include "net/trust.h"
#include "wire/handshake.h"
#include "wire/job.h"

namespace brine::net {

inline constexpr UnixMicros kNow = 1'709'210'096'000'000;
inline constexpr UnixMicros kHour = 3'600'000'000;

SigningKey key_of(char fill);

struct Cluster {
  explicit Cluster(char root_fill = 'R');

  SigningKey root;
  SigningKey master = key_of('M');
  SigningKey syndic = key_of('S');

  // Epoch 5; master has serial 1, syndic serial 2; valid for a day around kNow.
  wire::Manifest manifest() const;
  std::string signed_by_root(const wire::Manifest& manifest) const;
  std::string signed_manifest() const { return signed_by_root(manifest()); }
  std::string cluster_root() const;
  std::shared_ptr<const ServerIdentity> identity(const SigningKey& key) const;
  // A job that master signed, for one minion.
  wire::Job job() const;
};

wire::SignedJob signed_with(const SigningKey& key, const wire::Job& job);

// The body of a frame that must be well-formed and of this type; empty otherwise.
std::string body_of(std::string_view frame, wire::FrameType type);

}  // namespace brine::net
