// The version of the whole product.
#pragma once

namespace brine {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace brine
