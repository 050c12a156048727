#include "minion/words.h"

namespace brine::minion {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

// One pass over the line; word_ is open while in_word_ is true.
class Splitter {
 public:
  explicit Splitter(std::string_view line) : rest_(line) {}

  Result<std::vector<std::string>> split() {
    while (!rest_.empty()) BRINE_TRY(step());
    close_word();
    return std::move(words_);
  }

 private:
  Status step() {
    const char c = take();
    if (kBlank.find(c) != std::string_view::npos) {
      close_word();
      return {};
    }
    in_word_ = true;
    if (c == '\'') return single_quoted();
    if (c == '"') return double_quoted();
    if (c == '\\') return escaped();
    word_.push_back(c);
    return {};
  }

  Status single_quoted() {
    const std::size_t end = rest_.find('\'');
    if (end == std::string_view::npos) return fail(Code::kInvalid, "a ' is not closed");
    word_.append(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return {};
  }

  Status double_quoted() {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '"') return {};
      const bool escapes = c == '\\' && !rest_.empty() && std::string_view("\"\\$`\n").find(rest_.front()) != std::string_view::npos;
      word_.push_back(escapes ? take() : c);
    }
    return fail(Code::kInvalid, "a \" is not closed");
  }

  Status escaped() {
    if (rest_.empty()) return fail(Code::kInvalid, "there is nothing after the last backslash");
    word_.push_back(take());
    return {};
  }

  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  void close_word() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  std::string_view rest_;
  std::vector<std::string> words_;
  std::string word_;
  bool in_word_ = false;
};

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view line) { return Splitter(line).split(); }

}  // namespace brine::minion
