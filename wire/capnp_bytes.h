// Between byte strings and Cap'n Proto messages: limits, alignment, exceptions. Used by the codecs of this folder only.
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace brine::wire {

inline kj::ArrayPtr<const kj::byte> data_of(std::string_view bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}
// Text readers promise a NUL behind the text; builders copy, so that a view will do.
inline capnp::Text::Reader text_of(const std::string& text) { return {text.c_str(), text.size()}; }
inline std::string string_of(capnp::Data::Reader data) { return {reinterpret_cast<const char*>(data.begin()), data.size()}; }
inline std::string string_of(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

inline std::string bytes_of(capnp::MallocMessageBuilder& message) {
  const auto segments = message.getSegmentsForOutput();
  std::string out;
  std::size_t words = 0;
  for (const auto segment : segments) words += segment.size();
  out.reserve((segments.size() / 2 + 1 + words) * sizeof(capnp::word));
  const auto append_u32 = [&out](std::uint32_t value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); };
  append_u32(static_cast<std::uint32_t>(segments.size() - 1));
  for (const auto segment : segments) append_u32(static_cast<std::uint32_t>(segment.size()));
  if (segments.size() % 2 == 0) append_u32(0);
  for (const auto segment : segments) {
    const auto bytes = segment.asBytes();
    out.append(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
  }
  return out;
}

// Builds a message of type Root: encode_root<schema::Job>([&](schema::Job::Builder b) { ... }).
template <typename Root, typename Fill>
std::string encode_root(std::size_t size_hint, Fill fill) {
  constexpr std::size_t kStackWords = 256;
  capnp::word scratch[kStackWords];
  const std::size_t words = size_hint / sizeof(capnp::word) + 64;
  if (words <= kStackWords) {
    std::memset(scratch, 0, sizeof scratch);
    capnp::MallocMessageBuilder message(kj::arrayPtr(scratch, kStackWords));
    fill(message.initRoot<Root>());
    return bytes_of(message);
  }
  capnp::MallocMessageBuilder message(static_cast<unsigned>(words));
  fill(message.initRoot<Root>());
  return bytes_of(message);
}

// Reads a message of type Root and hands it to read(), which returns a Result. The traversal limit is twice the message (nothing
// legitimate visits a word more often), nesting at most 16. Anything malformed is kInvalid; never throws.
template <typename Root, typename Read>
auto decode_root(std::string_view bytes, Read read) -> decltype(read(std::declval<typename Root::Reader>())) {
  if (bytes.size() % sizeof(capnp::word) != 0 || bytes.empty()) return fail(Code::kInvalid, "a message is a whole number of words");
  kj::Array<capnp::word> aligned;
  const capnp::word* words = reinterpret_cast<const capnp::word*>(bytes.data());
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(std::uint64_t) != 0) {
    aligned = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
    std::memcpy(static_cast<void*>(aligned.begin()), bytes.data(), bytes.size());
    words = aligned.begin();
  }
  try {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = bytes.size() / sizeof(capnp::word) * 2 + 64;
    options.nestingLimit = 16;
    capnp::FlatArrayMessageReader message(kj::arrayPtr(words, bytes.size() / sizeof(capnp::word)), options);
    if (message.getEnd() != words + bytes.size() / sizeof(capnp::word)) return fail(Code::kInvalid, "bytes behind a message");
    return read(message.getRoot<Root>());
  } catch (const kj::Exception& e) {
    return fail(Code::kInvalid, std::string("malformed message: ") + e.getDescription().cStr());
  } catch (const std::exception& e) {
    return fail(Code::kInvalid, std::string("malformed message: ") + e.what());
  }
}

// A byte string that must have exactly this length (or, if optional, none).
inline Result<std::string> fixed(capnp::Data::Reader data, std::size_t size, const char* what, bool optional = false) {
  if (data.size() == size || (optional && data.size() == 0)) return string_of(data);
  return fail(Code::kInvalid, std::string(what) + " has the wrong length");
}

}  // namespace brine::wire
