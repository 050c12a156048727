// `brine-key --gen-keys`: a pair of key files, made here and without a master.
#pragma once

#include <string>

#include "base/result.h"

namespace brine::cli {

// Makes folder/name.key (0600) and folder/name.pub. kExists when the key is there already; kInvalid when name is no file name.
Status generate_key_pair_files(const std::string& folder, const std::string& name);

}  // namespace brine::cli
