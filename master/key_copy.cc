#include "master/key_copy.h"

#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/file.h"

namespace brine::master {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxBytes = 1U << 30;

std::string line_of(const store::KeyRecord& key) {
  return Json{{"id", key.id.str()},
              {"state", static_cast<int>(key.state)},
              {"kind", static_cast<int>(key.kind)},
              {"key", to_hex(key.public_key)},
              {"index", key.index},
              {"version", key.version},
              {"changed", key.changed},
              {"attempts", key.attempts},
              {"signer", to_hex(key.signer)},
              {"signature", to_hex(key.signature)}}
             .dump() +
         "\n";
}

std::string bytes_in(const Json& line, const char* name) { return from_hex(line.at(name).get<std::string>()).value_or(""); }

store::KeyRecord key_in(const Json& line) {
  store::KeyRecord key;
  key.id = MinionId::parse(line.at("id").get<std::string>()).value_or(MinionId());
  key.state = static_cast<store::KeyState>(line.at("state").get<int>() & 3);
  key.kind = static_cast<store::KeyKind>(line.value("kind", 0) & 3);
  key.public_key = bytes_in(line, "key");
  key.index = line.at("index").get<std::uint32_t>();
  key.version = line.at("version").get<std::uint64_t>();
  key.changed = line.at("changed").get<UnixMicros>();
  key.attempts = line.at("attempts").get<std::uint32_t>();
  key.signer = bytes_in(line, "signer");
  key.signature = bytes_in(line, "signature");
  return key;
}

}  // namespace

Status write_key_copy(const std::string& file, const KeyCopy& copy) {
  std::string text = Json{{"epoch", copy.epoch}}.dump() + "\n";
  for (const store::KeyRecord& key : copy.keys) text += line_of(key);
  return replace_file(file, text, 0600);
}

Result<KeyCopy> read_key_copy(const std::string& file) {
  BRINE_LET(const std::string text, read_file(file, kMaxBytes));
  const auto damaged = [&] { return fail(Code::kCorrupt, file + " is damaged: move it away to go on without it"); };
  KeyCopy copy;
  bool first = true;
  try {
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos) return damaged();
      const Json line = Json::parse(rest.substr(0, end));
      rest.remove_prefix(end + 1);
      if (std::exchange(first, false)) {
        copy.epoch = line.at("epoch").get<std::uint64_t>();
        continue;
      }
      copy.keys.push_back(key_in(line));
      if (copy.keys.back().id.empty()) return damaged();
    }
  } catch (const Json::exception&) {
    return damaged();
  }
  return copy;
}

}  // namespace brine::master
