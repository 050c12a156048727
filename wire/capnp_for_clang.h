// Put in front of every source that includes Cap'n Proto when the compiler is Clang. capnp/blob.h of 0.9.2 compares a const char* with a
// kj::StringPtr and counts on C++20 to turn `b == a` around; as StringPtr also has an operator!=, the rule of P2468 forbids it, and
// Clang, unlike g++ 12, follows that rule.
#pragma once

#include <kj/string.h>

namespace kj {
inline bool operator==(const char* a, const StringPtr& b) { return b == a; }
inline bool operator!=(const char* a, const StringPtr& b) { return b != a; }
}  // namespace kj
