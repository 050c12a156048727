// Strong ids, and the one place where the text of an id is judged.
//
// Everything that names something and may come from outside (minion ids, jids, user names of plug-ins, names that end up in a
// path) is parsed here before it is used, on every side. CVE-2020-11652, 2024-22231/2, 2025-22238/40/42 are what happens otherwise.
// All types are values: copyable, comparable, hashable, immutable after construction.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace brine {

// A text id that was validated. Tag makes the types distinct. An empty id is "none".
template <typename Tag>
class TextId {
 public:
  TextId() = default;
  // Judges untrusted text. Fails with kInvalid and says what is wrong.
  static Result<TextId> parse(std::string_view text);
  // For text that a parse() accepted before (read back from our own store).
  static TextId trusted(std::string text) {
    TextId id;
    id.text_ = std::move(text);
    return id;
  }

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const TextId&) const = default;

 private:
  std::string text_;
};

struct MinionIdTag {};
struct JobIdTag {};

// 1 to 253 characters of [A-Za-z0-9._-], not starting with '.' or '-': a host name with room for clouds' habits. Safe as a file name.
using MinionId = TextId<MinionIdTag>;
// Salt's jid: 20 digits, UTC YYYYMMDDhhmmssffffff.
using JobId = TextId<JobIdTag>;

template <>
Result<MinionId> MinionId::parse(std::string_view text);
template <>
Result<JobId> JobId::parse(std::string_view text);

// The jid of a point in time, in microseconds since 1970 UTC, and back.
JobId job_id_at(std::int64_t unix_us);
std::int64_t unix_us_of(const JobId& jid);

// What the command line draws at random so that a repeated request is recognised.
struct SubmissionId {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const SubmissionId&) const = default;
};

// True for text that may stand as one component of a path: no '/', no NUL, not "", ".", "..".
bool is_path_component(std::string_view text);

}  // namespace brine

template <typename Tag>
struct std::hash<brine::TextId<Tag>> {
  std::size_t operator()(const brine::TextId<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
