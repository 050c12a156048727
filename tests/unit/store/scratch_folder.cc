#include "tests/unit/store/scratch_folder.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace brine::store {

ScratchFolder::ScratchFolder() : path_((std::filesystem::temp_directory_path() / "brine-store-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make " + path_);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace brine::store
