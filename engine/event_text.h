// The JSON text of events. Private to the engine's sources.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace brine::engine {

using Json = nlohmann::json;

inline std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace brine::engine
