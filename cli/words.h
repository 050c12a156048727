// The words of a command line, without the program's name.
#pragma once

#include <string>
#include <vector>

namespace brine::cli {

inline std::vector<std::string> words_of(int argc, char** argv) { return {argv + (argc > 0 ? 1 : 0), argv + argc}; }

}  // namespace brine::cli
