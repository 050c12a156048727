#include "loadtest/grains_template.h"

#include <gtest/gtest.h>

#include "loadtest/json.h"
#include "target/grains.h"

namespace brine::loadtest {
namespace {

TEST(GrainsTemplate, GivesEachMinionValuesOfItsOwn) {
  const GrainsTemplate grains(2'048);
  const Json first = Json::parse(grains.text("sim1", 1));
  const Json second = Json::parse(grains.text("sim300", 300));
  EXPECT_EQ(first["id"], "sim1");
  EXPECT_EQ(first["ipv4"][0], "10.0.0.1");
  EXPECT_EQ(second["ipv4"][0], "10.0.1.44");
  EXPECT_NE(first["role"], second["role"]);
  EXPECT_EQ(first["os"], second["os"]);
}

TEST(GrainsTemplate, IsAsLongAsItWasAskedForAndUsableForTargets) {
  for (const std::size_t bytes : {1'500U, 2'048U, 20'000U}) {
    const std::string text = GrainsTemplate(bytes).text("sim1000", 1'000);
    EXPECT_GT(text.size(), bytes - 30);
    EXPECT_LT(text.size(), bytes + 30);
    EXPECT_TRUE(target::Grains::from_json(text));
  }
}

}  // namespace
}  // namespace brine::loadtest
