// Exclusive use of a folder by one process: flock(2) on a file "lock" in it, which names the holder. The lock goes with the process,
// however it ends; the file stays.
#pragma once

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace brine::store::sqlite {

// Held as long as the descriptor is open. kUnavailable: "... is in use by pid ...", or the file cannot be made.
Result<Fd> lock_folder(const std::string& folder);

}  // namespace brine::store::sqlite
