// What a master says, in few words.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "wire/operator.h"

namespace brine::cli {

inline const char* const kJid = "20261123040000000001";

using Replies = std::vector<wire::OperatorReply>;

inline wire::Accepted accepted(std::uint32_t expected, bool repeated = false) { return {JobId::trusted(kJid), expected, repeated}; }

inline wire::MinionReturn returned(const std::string& minion, const std::string& payload, int retcode = 0) {
  return {MinionId::trusted(minion), "returned", retcode, retcode == 0, payload};
}

inline wire::Missing missing(const std::string& minion, const std::string& state, const std::string& text) {
  return {MinionId::trusted(minion), state, text};
}

inline wire::Finished finished(std::vector<wire::Missing> list = {}) { return {std::move(list)}; }

}  // namespace brine::cli
