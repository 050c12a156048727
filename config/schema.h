// What keys a configuration file may have. Each key is declared once, with its place in the config struct, its bounds and a line of
// documentation; reading, error messages, "did you mean" and the reference follow from that.
//
// A Schema refers to the fields it was given: they must outlive it. The value a field has when it is declared is its default.
// Used on one thread, at start.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/units.h"
#include "config/yaml_tree.h"

namespace brine::config {

// All that is wrong with the files, one line each: "file:line: what".
class Problems {
 public:
  void add(const std::string& file, int line, std::string_view what);
  void add(const std::string& file, const YamlProblem& problem);
  bool empty() const { return lines_.empty(); }
  std::string text() const;

 private:
  std::vector<std::string> lines_;
};

// Handed to a reader: where it is and where complaints go.
struct ReadContext {
  const std::string& file;
  const std::string& key;  // with its sections: "state.path"
  Problems& problems;
  std::vector<std::string>& warnings;

  void complain(int line, std::string_view what) const { problems.add(file, line, what); }
  void warn(int line, std::string_view what) const;
};

// "; did you mean 'interface'?", or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string> known);

class Schema {
 public:
  // Takes the value, or complains.
  using Reader = std::function<void(const YamlNode&, const ReadContext&)>;
  // Takes the value, or is false: "must be <type>, not ..." is then the complaint.
  using Taker = std::function<bool(const YamlNode&)>;

  // One key, as the reference shows it.
  struct KeyInfo {
    std::string name;
    std::string type;
    std::string fallback;
    std::string doc;
  };

  void flag(std::string name, bool& field, std::string doc);
  void text(std::string name, std::string& field, std::string doc);
  // One text or a list of them.
  void texts(std::string name, std::vector<std::string>& field, std::string doc);
  void size(std::string name, std::uint64_t& field, std::uint64_t low, std::uint64_t high, std::string doc);

  template <std::integral Number>
  void number(std::string name, Number& field, Number low, Number high, std::string doc) {
    integer(std::move(name), static_cast<std::int64_t>(field), static_cast<std::int64_t>(low), static_cast<std::int64_t>(high),
            std::move(doc), [&field](std::int64_t value) { field = static_cast<Number>(value); });
  }

  // A plain number counts plain_unit.
  template <typename Duration>
  void duration(std::string name, Duration& field, milliseconds low, milliseconds high, std::string doc,
                milliseconds plain_unit = std::chrono::seconds(1)) {
    span_of_time(std::move(name), field, low, high, std::move(doc), plain_unit,
                 [&field](milliseconds value) { field = std::chrono::duration_cast<Duration>(value); });
  }

  // One of the named values.
  template <typename Enum>
  void choice(std::string name, Enum& field, std::vector<std::pair<std::string, Enum>> values, std::string doc) {
    std::vector<std::string> names;
    std::string fallback;
    for (const auto& [value_name, value] : values) {
      names.push_back(value_name);
      if (value == field && fallback.empty()) fallback = value_name;
    }
    one_of(std::move(name), std::move(names), std::move(fallback), std::move(doc),
           [&field, values = std::move(values)](std::size_t index) { field = values[index].second; });
  }

  // A type of its own.
  void simple(KeyInfo info, Taker take);
  void custom(KeyInfo info, Reader read);
  // Known, accepted with any value, and said to be without effect.
  void unused(std::string name, std::string doc);
  // Said to be without effect although it is read; after its declaration.
  void mark_unused(const std::string& name);

  // Keys below this one. Lives as long as this schema.
  Schema& section(std::string name, std::string doc);

  // Reads one document. Later documents win, key by key.
  void read(const YamlNode& root, const std::string& file, Problems& problems);

  // Complains where one of these keys was last set: the first that was.
  void complain_at(std::span<const std::string_view> keys, std::string_view what, Problems& problems) const;

  std::vector<std::string> warnings() const { return *warnings_; }
  // Every key that has an effect, in the order declared.
  std::vector<KeyInfo> reference() const;

 private:
  struct Key {
    KeyInfo info;
    Reader read;
    bool used = true;
    std::unique_ptr<Schema> section;
  };
  struct Place {
    std::string file;
    int line = 0;
  };

  void add(Key key);
  void integer(std::string name, std::int64_t fallback, std::int64_t low, std::int64_t high, std::string doc,
               std::function<void(std::int64_t)> set);
  void span_of_time(std::string name, milliseconds fallback, milliseconds low, milliseconds high, std::string doc, milliseconds plain_unit,
                    std::function<void(milliseconds)> set);
  void one_of(std::string name, std::vector<std::string> names, std::string fallback, std::string doc,
              std::function<void(std::size_t)> set);
  void read_field(const YamlField& field, const std::string& file, Problems& problems);

  std::string prefix_;  // "state." in a section
  std::vector<Key> keys_;
  std::map<std::string, Place> places_;  // by full name
  std::shared_ptr<std::vector<std::string>> warnings_ = std::make_shared<std::vector<std::string>>();
};

// How a value is quoted in a message: "'abc'", "a list", "nothing".
std::string shown(const YamlNode& node);

}  // namespace brine::config
