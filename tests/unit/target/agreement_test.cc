// The master resolves a target with its index, the minion asks itself: they must agree for every expression and fleet.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include "target/expression.h"
#include "target/grains.h"
#include "target/index.h"

namespace brine::target {
namespace {

using Random = std::mt19937;

template <std::size_t N>
std::string one_of(Random& random, const std::string_view (&choices)[N]) {
  return std::string(choices[random() % N]);
}

std::string word(Random& random) {
  return one_of(random, {"web", "db", "Debian", "debian", "a", "b", "c", "1", "0", "True", "x:y", "10.0.0.1", "52:54"});
}
std::string key(Random& random) { return one_of(random, {"os", "roles", "a", "b", "c", "net", "1"}); }
std::string random_id(Random& random) { return one_of(random, {"web", "db", "Web", "cache"}) + std::to_string(random() % 30); }

std::string value(Random& random, int depth) {
  switch (random() % (depth > 0 ? 8 : 5)) {
    case 0: return one_of(random, {"true", "false", "null", "1", "0.5", "-3"});
    case 5: {
      std::string items;
      for (std::size_t i = random() % 4; i > 0; --i) items += (items.empty() ? "" : ",") + value(random, depth - 1);
      return "[" + items + "]";
    }
    case 6:
    case 7: {
      std::map<std::string, std::string> members;
      for (std::size_t i = random() % 4; i > 0; --i) members[key(random)] = value(random, depth - 1);
      std::string text;
      for (const auto& [name, member] : members) text += (text.empty() ? "\"" : ",\"") + name + "\":" + member;
      return "{" + text + "}";
    }
    default: return "\"" + word(random) + "\"";
  }
}

std::string grains(Random& random) {
  std::string text = R"({"ipv4":["10.0.)" + std::to_string(random() % 3) + "." + std::to_string(random() % 3) + R"("],"ipv6":["::)" +
                     std::to_string(random() % 3) + "\"]";
  for (const std::string_view name : {"os", "roles", "a", "b", "c", "net"}) {
    if (random() % 3 > 0) text.append(",\"").append(name).append("\":").append(value(random, 3));
  }
  return text + "}";
}

std::string glob(Random& random) {
  return one_of(random, {"*", "web*", "db?", "[a-d]*", "*1", "w?b[!1]*", "web1", "web12", "nobody", "*{a,b}*"});
}
std::string regex(Random& random) { return one_of(random, {"web", "web\\d$", "(web|db)1", ".*[02468]$", "[A-Z]", "x(y)?", "(.)(.)\\1?"}); }
std::string subnet(Random& random) {
  return one_of(random, {"10.0.0.0/16", "10.0.1.0/24", "10.0.0.1", "::1", "::/0", "0.0.0.0/0", "10.0.0.0/31"});
}

std::string list(Random& random) {
  std::string ids = random_id(random);
  for (std::size_t i = random() % 6; i > 0; --i) ids += "," + random_id(random);
  return ids;
}

std::string grain(Random& random, char delimiter, bool is_regex) {
  std::string text;
  for (std::size_t i = 1 + random() % 4; i > 0; --i) text += (random() % 6 == 0 ? "*" : key(random)) + delimiter;
  if (random() % 4 == 0) return text + (is_regex ? "(a|b|deb).*" : "*");
  return text + word(random);
}

std::string term(Random& random) {
  switch (random() % 8) {
    case 0: return "E@" + regex(random);
    case 1: return "L@" + list(random);
    case 2: return "G@" + grain(random, ':', false);
    case 3: return "P@" + grain(random, ':', true);
    case 4: return "G|@" + grain(random, '|', false);
    case 5: return "S@" + subnet(random);
    default: return glob(random);
  }
}

std::string compound(Random& random, int depth) {
  std::string text;
  for (std::size_t i = 1 + random() % 3; i > 0; --i) {
    if (!text.empty()) text += random() % 2 == 0 ? " and " : " or ";
    if (random() % 3 == 0) text += "not ";
    text += depth > 0 && random() % 3 == 0 ? "(" + compound(random, depth - 1) + ")" : term(random);
  }
  return text;
}

std::string text_of(Kind kind, Random& random) {
  switch (kind) {
    case Kind::kGlob: return glob(random);
    case Kind::kRegex: return regex(random);
    case Kind::kList: return list(random);
    case Kind::kGrain: return grain(random, ':', false);
    case Kind::kGrainRegex: return grain(random, ':', true);
    case Kind::kSubnet: return subnet(random);
    default: return compound(random, 3);
  }
}

struct Minion {
  MinionId id;
  std::string json;  // empty: none
};

std::vector<Minion> random_fleet(Random& random) {
  std::map<std::string, std::string> by_id;
  for (std::size_t i = random() % 24; i > 0; --i) by_id[random_id(random)] = random() % 8 == 0 ? "" : grains(random);
  std::vector<Minion> fleet;
  for (const auto& [name, json] : by_id) fleet.push_back({MinionId::parse(name).value(), json});
  return fleet;
}

Index indexed(const std::vector<Minion>& fleet) {
  Index index;
  for (const Minion& minion : std::views::reverse(fleet)) {
    if (minion.json.empty()) {
      index.upsert(minion.id);
    } else {
      index.upsert(minion.id, Grains::from_json(minion.json).value());
    }
  }
  return index;
}

// As the minion does it: its own parse of the text it was sent, its own grains.
bool asks_itself(const Minion& minion, const Expression& sent) {
  const Expression own = parse(sent.kind(), sent.text(), sent.delimiter()).value();
  if (minion.json.empty()) return own.matches({minion.id.str(), nullptr});
  const Grains grains = Grains::from_json(minion.json).value();
  return own.matches({minion.id.str(), &grains});
}

class Agreement : public testing::TestWithParam<unsigned> {};

TEST_P(Agreement, MasterAndMinionsSayTheSame) {
  constexpr Kind kKinds[] = {Kind::kGlob,       Kind::kRegex,  Kind::kList,     Kind::kGrain,
                             Kind::kGrainRegex, Kind::kSubnet, Kind::kCompound, Kind::kCompound};
  Random random(GetParam());
  std::size_t matched = 0;
  for (int round = 0; round < 25; ++round) {
    const std::vector<Minion> fleet = random_fleet(random);
    const Index index = indexed(fleet);
    for (int i = 0; i < 20; ++i) {
      const Kind kind = kKinds[random() % std::size(kKinds)];
      const std::string text = text_of(kind, random);
      const auto expression = parse(kind, text);
      ASSERT_TRUE(expression) << "seed " << GetParam() << "\n" << expression.error().message;
      std::vector<MinionId> willing;
      for (const Minion& minion : fleet) {
        if (asks_itself(minion, *expression)) willing.push_back(minion.id);
      }
      ASSERT_EQ(index.resolve(*expression), willing) << "seed " << GetParam() << ", " << to_string(kind) << " " << text;
      matched += willing.size();
    }
  }
  EXPECT_GT(matched, 300U) << "the generator should make expressions that match";
}

INSTANTIATE_TEST_SUITE_P(Seeds, Agreement, testing::Values(1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 10U));

}  // namespace
}  // namespace brine::target
