// main() of a fuzz target where libFuzzer is not at hand: the corpus first, then a bounded number of mutations of it.
//
//   <target> [corpus folder or one file]
//
// BRINE_FUZZ_SEED (default 1) and BRINE_FUZZ_RUNS (default 20000) choose what is tried; it ends after ten seconds in any case. The
// input of a crash is left in <target>.crash-input, which may be given as the argument to repeat it.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Of the address sanitizer's runtime, if it is linked in.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

using Random = std::mt19937_64;

constexpr std::size_t kMaxInput = 8192;
constexpr auto kMaxTime = std::chrono::seconds(10);

// What a signal handler must be able to reach.
std::string crash_path;
std::string current;

void save_current_input() {
  const int file = open(crash_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return;
  const ssize_t written = write(file, current.data(), current.size());
  static_cast<void>(written);
  close(file);
}

void on_signal(int signal) {
  save_current_input();
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void catch_crashes() {
  std::signal(SIGABRT, on_signal);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(save_current_input);
    return;
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, on_signal);
}

void try_input(std::string input) {
  current = std::move(input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> read_corpus(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files;
  std::error_code missing;
  if (std::filesystem::is_regular_file(path, missing)) files.push_back(path);
  for (std::filesystem::directory_iterator it(path, missing), end; !missing && it != end; it.increment(missing)) {
    if (it->is_regular_file()) files.push_back(it->path());
  }
  std::ranges::sort(files);
  std::vector<std::string> corpus;
  for (const auto& file : files) corpus.push_back(read_all(file));
  return corpus;
}

std::size_t below(Random& random, std::size_t bound) { return bound == 0 ? 0 : static_cast<std::size_t>(random() % bound); }

std::string random_bytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

void mutate(std::string& input, const std::vector<std::string>& corpus, Random& random) {
  const std::size_t at = below(random, input.size() + 1);
  const std::size_t size = below(random, std::min<std::size_t>(input.size() - at, 64) + 1);
  switch (below(random, 7)) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(random, 8)));
      break;
    case 1:
      if (at < input.size()) input[at] = static_cast<char>(random());
      break;
    case 2: input.resize(at); break;
    case 3: input.insert(at, random_bytes(random, 1 + below(random, 8))); break;
    case 4: input.erase(at, size); break;
    case 5: {
      const std::string piece = input.substr(at, size);
      for (std::size_t times = 1 + below(random, 4); times > 0; --times) input.insert(at, piece);
      break;
    }
    default: {
      if (corpus.empty()) break;
      const std::string& other = corpus[below(random, corpus.size())];
      input.resize(at);
      input += std::string_view(other).substr(below(random, other.size() + 1));
    }
  }
  if (input.size() > kMaxInput) input.resize(kMaxInput);
}

std::string next_input(const std::vector<std::string>& corpus, Random& random) {
  if (corpus.empty() || below(random, 8) == 0) return random_bytes(random, below(random, 256));
  std::string input = corpus[below(random, corpus.size())];
  for (std::size_t times = 1 + below(random, 5); times > 0; --times) mutate(input, corpus, random);
  return input;
}

std::uint64_t setting(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
  const auto start = std::chrono::steady_clock::now();
  const std::uint64_t seed = setting("BRINE_FUZZ_SEED", 1);
  const std::uint64_t runs = setting("BRINE_FUZZ_RUNS", 20'000);
  crash_path = std::string(argv[0]) + ".crash-input";
  catch_crashes();

  const std::vector<std::string> corpus = argc > 1 ? read_corpus(argv[1]) : std::vector<std::string>();
  for (const std::string& input : corpus) try_input(input);
  Random random(seed);
  std::uint64_t done = 0;
  while (done < runs && std::chrono::steady_clock::now() - start < kMaxTime) {
    try_input(next_input(corpus, random));
    ++done;
  }
  std::printf("seed %llu: %zu corpus inputs, %llu of %llu mutations\n", static_cast<unsigned long long>(seed), corpus.size(),
              static_cast<unsigned long long>(done), static_cast<unsigned long long>(runs));
  return 0;
}
